package postgres

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// row is what the log's row says.
type row struct {
	origin, ancestry string
	position         uint64
	frontier         []byte
	fence            int64  // of the row that was locked
	last             uint64 // position of the newest record; of readRow and now, as is the next
	standby          bool   // said by a server that follows another one, perhaps from behind
}

// turn is what the server said once it gave a turn: whatever is read after the log's row was locked is as the last
// holder of the turn has left it, and stays so.
type turn struct {
	row        row
	before     *seal.Tree      // what this handle knew before it asked
	leaves     []seal.Hash     // of the records after that, the first leavesMax of them
	moved      []events.Stream // of each of these records
	grown      *seal.Tree      // over the log as it is now, where these records prove it
	newest     map[events.Stream]ledger.Place
	remembered bool // where some of these streams end, and was not asked for
	owners     map[events.Key]events.Stream
	stands     []seal.Hash // of the records where the doubtful plan would be
	unasked    bool        // where streams end and who has the lookup keys: what is written proves it
	whole      bool        // not even the log's row was asked for: all is sent with what is written
}

func newTurn(before *seal.Tree) *turn {
	return &turn{before: before, newest: map[events.Stream]ledger.Place{}, owners: map[events.Key]events.Stream{}}
}

// beginSQL begins a turn, whatever the role's own isolation is.
const beginSQL = "begin isolation level read committed"

// leavesMax is how many records of other processes are caught up with in a turn: more than a batch has, of which there
// is one from each other process in between.
const leavesMax = 4096

// begun begins a transaction, waits for the turn, and reads all that judging the batch needs: one round trip; two where
// others have appended to streams of the batch whose ends were remembered. Where all that the batch goes on from is
// remembered, only what others have appended since is read.
func (l *Log) begun(ctx context.Context, conn *pgxpool.Conn, b *batch, open *doubt, known *places, asks bool) (*turn,
	error) {
	t := newTurn(l.tree.Load())
	var s pgx.Batch
	s.Queue(beginSQL)
	s.Queue(l.sql.settings, milliseconds(lockMax), milliseconds(idleMax))
	s.Queue(l.sql.lock).QueryRow(func(r pgx.Row) error {
		return r.Scan(&t.row.origin, &t.row.ancestry, &t.row.position, &t.row.frontier, &t.row.fence)
	})
	s.Queue(l.sql.news, int64(t.before.Size()), leavesMax).Query(t.readNews)
	if known.tree != t.before { // another one of the same size may be over other records
		known.forget()
	}
	t.unasked = t.recall(b, known) && !asks && open == nil
	if !t.unasked {
		l.ask(&s, t, b)
	}
	if open != nil {
		s.Queue(l.sql.stands, int64(open.first), int64(open.last)).Query(t.readStands)
	}
	if err := conn.SendBatch(ctx, &s).Close(); err != nil {
		return t, err
	}
	if !t.catchUp(b, known) {
		return t, nil
	}
	clear(t.newest)
	t.recall(b, known)
	s, t.unasked = pgx.Batch{}, false
	l.ask(&s, t, b)
	return t, conn.SendBatch(ctx, &s).Close()
}

// recall puts the ends that are remembered into the turn. It tells whether the batch needs no others: each of its
// appends goes on from one of them, or begins a stream. Where such a stream, or a lookup key, is there after all, the
// server refuses to write it again. An append that memory would refuse needs the server's word.
func (t *turn) recall(b *batch, known *places) (enough bool) {
	enough = known.tree != nil
	for _, r := range b.Requests {
		at, is := known.of(r.Stream)
		if is {
			t.newest[r.Stream] = at
		}
		enough = enough && r.After == at.Version
	}
	t.remembered = len(t.newest) > 0
	return enough
}

// ask has the server say where the batch's streams end, but for those whose ends were recalled, and who has its keys.
func (l *Log) ask(s *pgx.Batch, t *turn, b *batch) {
	var categories, streams []string
	var keys [][]byte
	for _, r := range b.Requests {
		if _, is := t.newest[r.Stream]; !is {
			categories, streams = append(categories, r.Stream.Category), append(streams, r.Stream.ID)
		}
		for _, record := range r.Records {
			for _, key := range record.Keys {
				keys = append(keys, []byte(key))
			}
		}
	}
	if len(streams) > 0 {
		s.Queue(l.sql.newest, categories, streams).Query(t.readNewest)
	}
	if len(keys) > 0 {
		s.Queue(l.sql.owners, keys).Query(t.readOwners)
	}
}

// catchUp has what is remembered be of the log as it is now: without the streams that others appended to, and nothing
// where what they appended is not known to the last record. It tells whether the batch was to go on from what turned
// out not to be so.
func (t *turn) catchUp(b *batch, known *places) (again bool) {
	recalled := t.unasked || t.remembered
	if t.row.position == t.before.Size() && bytes.Equal(t.row.frontier, t.before.AppendFrontier(nil)) {
		known.others = false
		return false
	}
	if t.grow(); t.grown == nil {
		known.forget()
		known.others = true
		return recalled
	}
	known.others = true
	for _, stream := range t.moved {
		known.drop(stream)
	}
	return recalled && slices.ContainsFunc(b.Requests, func(r *request) bool { return slices.Contains(t.moved, r.Stream) })
}

// grow makes the tree over the log as it is now, where what was read after the one before proves it.
func (t *turn) grow() {
	have := t.before.Size()
	if t.grown != nil || t.row.position < have || t.row.position-have > uint64(len(t.leaves)) {
		return
	}
	tree := t.before.Clone()
	for _, leaf := range t.leaves[:t.row.position-have] {
		tree.Append(leaf)
	}
	if bytes.Equal(tree.AppendFrontier(nil), t.row.frontier) {
		t.grown = tree
	}
}

// readNewest reads where streams end.
func (t *turn) readNewest(rows pgx.Rows) error {
	defer rows.Close()
	for rows.Next() {
		var stream events.Stream
		var at ledger.Place
		if err := rows.Scan(&stream.Category, &stream.ID, &at.Version, &at.Position); err != nil {
			return err
		}
		t.newest[stream] = at
	}
	return rows.Err()
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// readOwners reads which streams have lookup keys.
func (t *turn) readOwners(rows pgx.Rows) error {
	for rows.Next() {
		var key raw
		var owner events.Stream
		if err := rows.Scan(&key, &owner.Category, &owner.ID); err != nil {
			return err
		}
		t.owners[events.Key(key)] = owner
	}
	return rows.Err()
}

// readStands reads the hashes of what is where the doubtful plan would be.
func (t *turn) readStands(rows pgx.Rows) error {
	for rows.Next() {
		var leaf raw
		if err := rows.Scan(&leaf); err != nil {
			return err
		}
		t.stands = append(t.stands, seal.Hash(leaf))
	}
	return rows.Err()
}

// readNews reads what was appended after what this handle knew.
func (t *turn) readNews(rows pgx.Rows) error {
	for rows.Next() {
		var at uint64
		var leaf raw
		var stream events.Stream
		if err := rows.Scan(&at, &leaf, &stream.Category, &stream.ID); err != nil {
			return err
		}
		if at != t.before.Size()+uint64(len(t.leaves))+1 || len(leaf) != seal.HashSize {
			continue // what is missing shows in the tree
		}
		t.leaves, t.moved = append(t.leaves, seal.Hash(leaf)), append(t.moved, stream)
	}
	return rows.Err()
}

// holds tells whether the plan that was in doubt has happened.
func (t *turn) holds(open *doubt) bool {
	return t.row.position >= open.last && slices.Equal(t.stands, open.leaves)
}

// writes are the statements that write the plan of a batch and commit it; of a whole turn, all statements.
func (l *Log) writes(t *turn, b *batch, p *plan) *trip {
	hashed := p.StartHash()
	r := newRecordRows(b, p)
	added, moved := newHeadRows(t, p)
	hashed()
	last, frontier, channel := bigintOf(int64(p.Last())), byteaOf(p.Tree().AppendFrontier(nil)),
		textOf(channelOf(l.config.Schema))
	var s trip
	if t.whole {
		s.queue(beginSQL)
		s.queue(l.sql.goOn, bigintOf(int64(t.row.position)), byteaOf(t.row.frontier), bigintOf(t.row.fence), last,
			frontier, channel, textOf(milliseconds(lockMax)), textOf(milliseconds(idleMax)))
	}
	r.queue(&s, l.sql.addRecords, int64(p.First()-1))
	added.queue(&s, l.sql.addHeads)
	moved.queue(&s, l.sql.moveHeads)
	queueTiles(&s, l.sql.addTiles, p.Tree().Full())
	l.queueKeys(&s, t, p)
	if !t.whole {
		s.queue(l.sql.advance, last, frontier, channel)
	}
	s.queue("commit")
	return &s
}

// queueTiles has the seal's full tiles written, where there are any.
func queueTiles(s *trip, sql string, full []seal.Tile) {
	if len(full) == 0 {
		return
	}
	levels, indexes, hashes := newSmallints(len(full)), newBigints(len(full)), newByteas(len(full), 0)
	for _, tile := range full {
		levels.smallint(int16(tile.Level))
		indexes.bigint(int64(tile.Index))
		bytes, _ := tile.AppendBinary(nil) // never fails
		hashes.bytes(bytes)
	}
	s.queue(sql, levels.parameter(), indexes.parameter(), hashes.parameter())
}

// queueKeys has the lookup keys written that are new. Where nothing was asked, a stream that goes on may have some of
// its own already, of what was refused and is asked for again; one that begins has none, or it would begin a second
// life.
func (l *Log) queueKeys(s *trip, t *turn, p *plan) {
	claims := p.Claims()
	added, claimed := newKeyRows(len(claims)), newKeyRows(0)
	for key, c := range claims {
		if _, owned := t.owners[key]; owned {
			continue
		}
		if _, begun := t.newest[c.Owner]; t.unasked && begun {
			claimed.add(key, c)
		} else {
			added.add(key, c)
		}
	}
	added.queue(s, l.sql.addKeys)
	claimed.queue(s, l.sql.claim)
}
