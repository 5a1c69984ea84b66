package postgres

import (
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/stretchr/testify/require"
	_ "github.com/tilltape/tilltape/order"
	_ "github.com/tilltape/tilltape/store/bolt"
	_ "github.com/tilltape/tilltape/store/storetest"
	_ "pgregory.net/rapid"
)
