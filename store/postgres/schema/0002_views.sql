-- What people look at. Nothing in the library reads these.

-- Stable, as adding to a timestamptz is, so that the server makes it a part of the query.
create function {schema}.moment(nanoseconds bigint) returns timestamptz language sql stable as
	$$ select timestamptz 'epoch' + (nanoseconds / 1000) * interval '1 microsecond' $$;

create view {schema}.facts as
	select position, category, stream as order_id, version, fact, actor, occurred, recorded, amount_minor, currency,
		record_id
	from {schema}.records;

create view {schema}.orders as
	select h.stream as id, h.status,
		case when h.status_since > -9223372036854775808 then {schema}.moment(h.status_since) end as since,
		h.phase, {schema}.moment(h.operation_since) as outstanding_since, {schema}.moment(h.due) as due,
		array_remove(array[
			case when h.parked_since is not null then 'parked' end,
			case when h.anomaly_since is not null then 'anomaly' end,
			case when h.dispute_by is not null then 'dispute' end], null) as attention,
		{schema}.moment(h.parked_since) as parked_since, {schema}.moment(h.anomaly_since) as anomaly_since,
		{schema}.moment(h.dispute_by) as dispute_by,
		r.amount_minor, r.currency, r.recorded as created, h.version, h.position
	from {schema}.heads h
	left join {schema}.records r on r.category = h.category and r.stream = h.stream and r.version = 1
	where h.category = 'order';

-- Those whose payment is not decided yet, with an outcome that is not known, or a reason for a person to look. They are
-- found by the indexes of the heads, however many orders there are beside them. What is only looked at now and then,
-- because its money can still move, is not among them: see due in the view orders.
create view {schema}.open_orders as
	select * from {schema}.orders where id in (
		select stream from {schema}.heads where category = 'order' and status = 'created'
		union select stream from {schema}.heads where category = 'order' and status = 'authorized'
		union select stream from {schema}.heads where category = 'order' and operation_since is not null
		union select stream from {schema}.heads where category = 'order' and parked_since is not null
		union select stream from {schema}.heads where category = 'order' and anomaly_since is not null
		union select stream from {schema}.heads where category = 'order' and dispute_by is not null);
