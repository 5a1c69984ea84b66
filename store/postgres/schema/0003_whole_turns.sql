-- Turns that are sent whole, by a process that was the last to append.

-- It rises where a turn that was sent and not answered has to come to nothing, should the server get to it after all.
alter table {schema}.log add column fence bigint not null default 0;

-- Takes the log's row, and fails where that is not as the caller left it.
create function {schema}.still(at bigint, edge bytea, fenced bigint) returns void language plpgsql as $$
declare
	log {schema}.log;
begin
	select * into strict log from {schema}.log for update;
	if log.position <> at or log.frontier <> edge or log.fence <> fenced then
		raise exception 'the log is at position % and fence %, and not as it was left at % and %', log.position, log.fence,
			at, fenced using errcode = 'serialization_failure';
	end if;
end $$;

-- Adds lookup keys, but for those that their streams have already, and fails where another stream has one.
create function {schema}.claim(claimed bytea[], categories text[], streams text[], positions bigint[]) returns void
language plpgsql as $$
declare
	added bigint;
begin
	insert into {schema}.keys (key, category, stream, position)
		select unnest(claimed), unnest(categories), unnest(streams), unnest(positions) on conflict (key) do nothing;
	get diagnostics added = row_count;
	if added < cardinality(claimed) and exists (
			select from unnest(claimed, categories, streams) as w (key, category, stream)
			join {schema}.keys k on k.key = w.key where k.category <> w.category or k.stream <> w.stream) then
		raise exception 'another stream has one of the lookup keys' using errcode = 'serialization_failure';
	end if;
end $$;
