-- The indexes that find a stream begin with its id, which tells nearly all rows apart: with the category, of which there
-- are two, each way down an index compared that first, and in vain. It takes locks that let nobody append or read, for
-- as long as the two indexes take to be made.

alter table {schema}.records add constraint records_stream_version unique (stream, category, version),
	drop constraint records_category_stream_version_key;
alter table {schema}.heads drop constraint heads_pkey, add primary key (stream, category);
