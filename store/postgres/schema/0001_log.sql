-- One log: its records, what is looked up of them, and the seal over them.

do $$ begin
	if to_regnamespace('{schema}') is null then create schema {schema}; end if;
end $$;

create table {schema}.migrations (
	number integer primary key,
	applied timestamptz not null default now()
);

-- One row. Whoever appends locks it, so that positions have no gaps and show in order.
create table {schema}.log (
	one boolean primary key default true check (one),
	origin text not null,              -- the log's name in its checkpoints
	ancestry text not null,            -- what it held under each of its earlier origins, a line each
	position bigint not null check (position >= 0), -- of the newest record
	frontier bytea not null            -- the seal's right edge
);

create table {schema}.records (
	position bigint primary key,       -- 1, 2, 3 … in the order of commits
	version bigint not null,           -- 1, 2, 3 … in its stream
	category text collate "C" not null,
	stream text collate "C" not null,
	record_id text collate "C" not null,
	frame bytea not null,              -- the record; the columns below repeat parts of it for people
	fact text not null,
	actor text not null,
	occurred timestamptz,
	recorded timestamptz,
	amount_minor bigint,
	currency text,
	unique (category, stream, version)
);

-- One row a stream: the summary in its newest record. Times are nanoseconds since 1970, null where there is none.
create table {schema}.heads (
	category text collate "C" not null,
	stream text collate "C" not null,
	version bigint not null,
	position bigint not null,
	status text collate "C" not null,
	status_since bigint not null,      -- the smallest number where there is none
	phase text not null,
	operation_since bigint,
	parked_since bigint,
	anomaly_since bigint,
	dispute_by bigint,
	due bigint,
	primary key (category, stream)
) with (fillfactor = 80);

create index heads_status on {schema}.heads (status, status_since, stream) where category = 'order';
create index heads_due on {schema}.heads (due, stream) where category = 'order' and due is not null;
create index heads_operation on {schema}.heads (operation_since, stream)
	where category = 'order' and operation_since is not null;
create index heads_parked on {schema}.heads (parked_since, stream)
	where category = 'order' and parked_since is not null;
create index heads_anomaly on {schema}.heads (anomaly_since, stream)
	where category = 'order' and anomaly_since is not null;
create index heads_dispute on {schema}.heads (dispute_by, stream)
	where category = 'order' and dispute_by is not null;

create table {schema}.keys (
	key bytea primary key,             -- a lookup key, "name:value"
	category text collate "C" not null,
	stream text collate "C" not null,
	position bigint not null           -- of the record that made it known
);

create table {schema}.tiles (
	level smallint not null,
	index bigint not null,
	hashes bytea not null,
	primary key (level, index)
);
alter table {schema}.tiles alter column hashes set storage external;

create function {schema}.refuse() returns trigger language plpgsql as $$
begin
	raise exception 'the log''s table % is only ever added to', tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger only_added_to before update or delete or truncate on {schema}.records
	for each statement execute function {schema}.refuse();
create trigger only_added_to before update or delete or truncate on {schema}.tiles
	for each statement execute function {schema}.refuse();
create trigger only_added_to before update or delete or truncate on {schema}.keys
	for each statement execute function {schema}.refuse();
create trigger never_removed before delete or truncate on {schema}.heads
	for each statement execute function {schema}.refuse();
create trigger never_removed before delete or truncate on {schema}.log
	for each statement execute function {schema}.refuse();
