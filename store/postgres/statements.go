package postgres

// statements are all that the log says to the server while it is open, with the schema's name in them.
type statements struct {
	begin, rename, adopt, row                                   string
	settings, lock, leaves, news, newest, owners                string
	addRecords, addTiles, addHeads, moveHeads, addKeys, advance string
	goOn, claim                                                 string
	confirm, stands                                             string
	head, owner, page, stream, version                          string
	end, tiles, moved                                           string
	verifyPage, verifyLinks, verifyHeads, verifyKeys            string
	verifyTiles                                                 string
	consumer, keep                                              string
}

// Columns that several statements read.
const (
	recordColumns = "r.position, r.version, r.category, r.stream, r.frame"
	headColumns   = "h.stream, h.version, h.position, h.status, h.status_since, h.phase, h.operation_since, " +
		"h.parked_since, h.anomaly_since, h.dispute_by, h.due"
)

func statementsIn(schema string) (x statements) {
	s := func(sql string) string { return inSchema(schema, sql) }
	x.ofOpening(s)
	x.ofTurn(s)
	x.ofReading(s)
	x.ofVerifying(s)
	x.ofConsumers(s)
	return x
}

func (x *statements) ofOpening(s func(string) string) {
	x.begin = s(`insert into {schema}.log (origin, ancestry, position, frontier) values ($1, '', 0, $2)
		on conflict do nothing`)
	x.rename = s(`update {schema}.log set origin = $1, ancestry = ancestry || $2`)
	x.adopt = s(`update {schema}.log set ancestry = ancestry || $1 where ancestry = $2`)
	x.row = s(`select origin, ancestry, position, frontier, (select coalesce(max(position), 0) from {schema}.records),
		pg_is_in_recovery() from {schema}.log`)
}

func (x *statements) ofTurn(s func(string) string) {
	// Of a turn. What it looks up, it looks up by an index, whatever the statistics say: they are of a table that was
	// empty when the plan was made. The plan is made once: planning takes longer than most of these statements. Arrays are
	// taken apart in the list of what is selected and not after "from", where each would be kept before it is read.
	x.settings = `select set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true),
		set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
		set_config('jit', 'off', true),
		set_config('plan_cache_mode', 'force_generic_plan', true)`
	x.lock = s(`select origin, ancestry, position, frontier, fence from {schema}.log for update`)
	x.leaves = s(`select position, sha256('\x00'::bytea || frame) from {schema}.records
		where position > $1 order by position limit $2`)
	x.news = s(`select position, sha256('\x00'::bytea || frame), category, stream from {schema}.records
		where position > $1 order by position limit $2`)
	x.newest = s(`select h.category, h.stream, h.version, h.position
		from unnest($1::text[], $2::text[]) as w (category, stream)
		cross join lateral (select * from {schema}.heads h where h.category = w.category and h.stream = w.stream
			limit 1) h`)
	x.confirm = s(`update {schema}.log set fence = fence + 1`)
	x.stands = s(`select sha256('\x00'::bytea || frame) from {schema}.records where position between $1 and $2
		order by position`)
	x.owners = s(`select k.key, k.category, k.stream from unnest($1::bytea[]) as w (key)
		cross join lateral (select * from {schema}.keys k where k.key = w.key limit 1) k`)
	x.addRecords = s(`insert into {schema}.records
			(position, version, category, stream, record_id, frame, fact, actor, occurred, recorded, amount_minor, currency)
		select generate_series($1::bigint + 1, $1::bigint + cardinality($2::bigint[])), unnest($2::bigint[]),
			unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bytea[]), unnest($7::text[]),
			unnest($8::text[]), unnest($9::timestamptz[]), unnest($10::timestamptz[]), unnest($11::bigint[]),
			unnest($12::text[])`)
	x.addTiles = s(`insert into {schema}.tiles (level, index, hashes)
		select unnest($1::smallint[]), unnest($2::bigint[]), unnest($3::bytea[])`)
	x.addHeads = s(`insert into {schema}.heads (category, stream, version, position, status, status_since, phase,
			operation_since, parked_since, anomaly_since, dispute_by, due)
		select unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::text[]),
			unnest($6::bigint[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bigint[]),
			unnest($11::bigint[]), unnest($12::bigint[])`)
	x.moveHeads = s(`update {schema}.heads h set version = w.version, position = w.position, status = w.status,
			status_since = w.status_since, phase = w.phase, operation_since = w.operation_since,
			parked_since = w.parked_since, anomaly_since = w.anomaly_since, dispute_by = w.dispute_by, due = w.due
		from (select unnest($1::text[]) as category, unnest($2::text[]) as stream, unnest($3::bigint[]) as version,
			unnest($4::bigint[]) as position, unnest($5::text[]) as status, unnest($6::bigint[]) as status_since,
			unnest($7::text[]) as phase, unnest($8::bigint[]) as operation_since, unnest($9::bigint[]) as parked_since,
			unnest($10::bigint[]) as anomaly_since, unnest($11::bigint[]) as dispute_by, unnest($12::bigint[]) as due) w
		where h.category = w.category and h.stream = w.stream`)
	x.addKeys = s(`insert into {schema}.keys (key, category, stream, position)
		select unnest($1::bytea[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[])`)
	x.goOn = s(`select {schema}.go_on($1, $2, $3, $4, $5, $6, $7, $8)`)
	x.claim = s(`select {schema}.claim($1, $2, $3, $4)`)
	x.advance = s(`with moved as (update {schema}.log set position = $1::bigint, frontier = $2)
		select pg_notify($3, $1::bigint::text)`)
}

func (x *statements) ofReading(s func(string) string) {
	x.head = s(`select h.category, ` + headColumns + ` from {schema}.heads h where h.category = $1 and h.stream = $2`)
	x.version = s(`select coalesce(max(version), 0) from {schema}.heads where category = $1 and stream = $2`)
	x.owner = s(`select category, stream from {schema}.keys where key = $1`)
	x.end = s(`select position, pg_is_in_recovery() from {schema}.log`)
	x.page = s(`select ` + recordColumns + ` from {schema}.records r where r.position > $1 and r.position <= $2
		order by r.position limit $3`)
	x.stream = s(`select ` + recordColumns + ` from {schema}.records r
		where r.category = $1 and r.stream = $2 and r.version > $3 order by r.version limit $4`)
	x.tiles = s(`select t.level, t.index, t.hashes from unnest($1::smallint[], $2::bigint[]) as w (level, index)
		join {schema}.tiles t on t.level = w.level and t.index = w.index`)
	x.moved = s(`select h.category, ` + headColumns + ` from {schema}.heads h where h.category = 'order' and h.stream in (
			select stream from {schema}.records r where r.category = 'order' and r.position > $1 and r.position <= $2)`)
}

func (x *statements) ofConsumers(s func(string) string) {
	x.consumer = s(`select revision, left(state::text, $2) from {schema}.consumers where name = $1`)
	// After the row of one revision less, or of the same one where that is of a save of which nobody was told.
	x.keep = s(`insert into {schema}.consumers as c (name, revision, position, parked, state)
		select $1, $2::bigint, $3, $4, $5::json
			where $2::bigint = 1 or exists (select from {schema}.consumers where name = $1)
		on conflict (name) do update set revision = excluded.revision, position = excluded.position,
			parked = excluded.parked, state = excluded.state, saved = clock_timestamp()
			where c.revision = excluded.revision - 1
				or c.revision = excluded.revision and c.state::text = any($6::text[])`)
}

func (x *statements) ofVerifying(s func(string) string) {
	x.verifyPage = s(`select position, version, category, stream, frame, record_id, fact, actor, occurred, recorded,
			amount_minor, currency from (
			select r.*, sum(octet_length(r.frame)) over (order by r.position) - octet_length(r.frame) as before
			from {schema}.records r where r.position > $1 and r.position <= $2 order by r.position limit $3) r
		where before < $4 order by position`)
	// For each record, in order: where the version before it is, and its stream's head.
	x.verifyLinks = s(`select coalesce((select r.position from {schema}.records r where r.category = w.category and
				r.stream = w.stream and r.version = w.version - 1), 0),
			coalesce(h.version, 0), coalesce(h.position, 0)
		from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) as w (position, category, stream, version)
		left join {schema}.heads h on h.category = w.category and h.stream = w.stream order by w.position`)
	x.verifyHeads = s(`select h.category, ` + headColumns + `, r.frame from (select * from {schema}.heads h
			where (h.stream, h.category) > ($1::text, $2::text) order by h.stream, h.category limit $3) h
		left join {schema}.records r on r.position = h.position order by h.stream, h.category`)
	x.verifyKeys = s(`select k.key, k.category, k.stream, k.position, r.frame from (select * from {schema}.keys
			where key > $1 order by key limit $2) k
		left join {schema}.records r on r.position = k.position order by k.key`)
	x.verifyTiles = s(`select position, (select count(*) from {schema}.tiles) from {schema}.log`)
}
