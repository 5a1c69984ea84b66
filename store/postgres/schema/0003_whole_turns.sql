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
		raise exception 'the log is at position %, and not as it was left at %', log.position, at
			using errcode = 'serialization_failure';
	end if;
end $$;
