-- Turns that are sent whole, by a process that was the last to append.

-- It rises where a turn that was sent and not answered has to come to nothing, should the server get to it after all.
alter table {schema}.log add column fence bigint not null default 0;

-- Begins a whole turn: takes the log's row and moves it on to what the caller is about to write, or fails where it is
-- not as the caller left it. One statement for what are three in a turn that asks: the settings, the row, the new end.
create function {schema}.go_on(at bigint, edge bytea, fenced bigint, until bigint, new_edge bytea, channel text,
	lock_max text, idle_max text) returns void language plpgsql as $$
begin
	perform set_config('lock_timeout', lock_max, true),
		set_config('idle_in_transaction_session_timeout', idle_max, true), set_config('enable_seqscan', 'off', true),
		set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true),
		set_config('plan_cache_mode', 'force_generic_plan', true);
	update {schema}.log set position = until, frontier = new_edge
		where position = at and frontier = edge and fence = fenced;
	if not found then
		raise exception 'the log is not as it was left at position % and fence %', at, fenced
			using errcode = 'serialization_failure';
	end if;
	perform pg_notify(channel, until::text);
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
