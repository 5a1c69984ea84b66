-- How far the consumers of an outbox are: a row each.

create table {schema}.consumers (
	name text collate "C" primary key,
	revision bigint not null,          -- how often the row was written
	position bigint not null,          -- of the newest record that is delivered, or stays back with its order
	parked integer not null,           -- orders that stay back
	state json not null,               -- all of that, as the consumer keeps it
	saved timestamptz not null default clock_timestamp()
);
