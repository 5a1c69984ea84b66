module github.com/tilltape/tilltape/tools/witnessed

go 1.26.0

replace github.com/tilltape/tilltape => ../..

require (
	filippo.io/torchwood v0.6.1
	github.com/stretchr/testify v1.12.1
	github.com/tilltape/tilltape v0.0.0-00010101000000-000000000000
	golang.org/x/crypto v0.38.0
	golang.org/x/mod v0.42.0
)

require (
	github.com/looplab/fsm v1.0.3 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.20.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
