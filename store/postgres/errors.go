package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/tilltape/tilltape/store"
)

// ErrNoLog: the database has no log in this schema. It is beside the errors of package store; match it with errors.Is.
var ErrNoLog = errors.New("no log here")

// ServerError is a log whose server or database does not do what was asked: the log, the reason, and the way out. It
// has no error of the driver's in its chain, and never a password.
type ServerError struct {
	Kind   error // ErrNoLog, or of package store ErrUnavailable, ErrReadOnly, ErrNewerFormat, ErrFull or ErrStorage
	Log    string
	Reason string
	Remedy string

	behind bool // the server follows another one and lacks what that has
}

// Error names the log, the reason and the way out.
func (e *ServerError) Error() string { return fmt.Sprintf("%s: %s; %s", e.Log, e.Reason, e.Remedy) }

// Hint is the way out alone.
func (e *ServerError) Hint() string { return e.Remedy }

// Unwrap returns Kind.
func (e *ServerError) Unwrap() error { return e.Kind }

// SQLSTATE codes, and their first two characters, the class, by what they are in PostgreSQL's manual.
const (
	classConnection     = "08"
	classNoRights       = "28" // password, pg_hba.conf
	classRollback       = "40" // serialization_failure, deadlock_detected
	classOperator       = "57" // admin_shutdown, crash_shutdown, cannot_connect_now, query_canceled
	classRule           = "42" // syntax_error_or_access_rule_violation
	classCorrupted      = "XX"
	codeNoDatabase      = "3D000"
	codeNoSchema        = "3F000"
	codeNoTable         = "42P01"
	codeNoColumn        = "42703"
	codeNoFunction      = "42883"
	codeForbidden       = "42501"
	codeNotAsLeft       = "40001" // serialization_failure, which go_on and claim raise
	codeNoStatement     = "26000"
	codeReadOnly        = "25006"
	codeIdle            = "25P03"
	codeTooLong         = "25P04" // transaction_timeout, since PostgreSQL 17
	codeLockTimeout     = "55P03"
	codeTooMany         = "53300"
	codeDiskFull        = "53100"
	codeOutOfMemory     = "53200"
	codeUnique          = "23505"
	codeInternal        = "XX000"
	severityOfStatement = "ERROR" // the statement failed, and the connection lives
)

// explain turns what the driver returned into an error of package store. Errors that are the contract's already, and
// those of ctx, pass; of all others only the text is kept.
func explain(ctx context.Context, log, doing string, err error) error {
	if err == nil || fromStore(err) {
		return err
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", doing, ended)
	}
	is := func(kind error, reason, remedy string) error {
		return &ServerError{Kind: kind, Log: log, Reason: reason, Remedy: remedy}
	}
	if errors.Is(err, puddle.ErrClosedPool) {
		return fmt.Errorf("%s: %w: its pool was closed; open it again on another", log, store.ErrClosed)
	}
	pg, found := errors.AsType[*pgconn.PgError](err)
	if !found {
		if isConnection(err) {
			return is(store.ErrUnavailable, "the server cannot be reached, or the connection broke ("+plainText(err)+")",
				"try again; see whether the server runs, and at this address")
		}
		return is(store.ErrStorage, plainText(err), "check the server and its messages")
	}
	return explainCode(log, pg)
}

// explainCode is explain for what the server says.
func explainCode(log string, pg *pgconn.PgError) error {
	says := fmt.Sprintf("the server says %q (%s)", pg.Message, pg.Code)
	is := func(kind error, reason, remedy string) error {
		return &ServerError{Kind: kind, Log: log, Reason: reason, Remedy: remedy}
	}
	switch pg.Code {
	case codeNoDatabase:
		return is(store.ErrStorage, says, "create the database, or name another")
	case codeNoSchema, codeNoTable, codeNoColumn, codeNoFunction:
		return is(ErrNoLog, says, remedyMigrate)
	case codeForbidden:
		return is(store.ErrStorage, says, "give the role its rights, as postgres.Rights prints them")
	case codeReadOnly:
		return is(store.ErrReadOnly, says, remedyPrimary)
	case codeLockTimeout:
		return is(store.ErrUnavailable, "another process has had its turn for longer than "+lockMax.String(),
			"try again; if it lasts, see in pg_stat_activity who holds the row of the table log")
	case codeTooMany, codeOutOfMemory, codeIdle, codeTooLong:
		return is(store.ErrUnavailable, says, "try again; give the server more of what it lacks")
	case codeDiskFull:
		return is(store.ErrFull, says, "nothing was written; free some space on the server, then repeat what was refused")
	case codeUnique:
		return &store.DamagedError{Log: log, Reason: "it has a record, a head or a key that its other tables do not know: " +
			says}
	case codeInternal:
		return is(store.ErrStorage, says, "check the server and its messages")
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case classConnection, classRollback, classOperator:
		return is(store.ErrUnavailable, says, "try again")
	case classNoRights:
		return is(store.ErrStorage, says, "check the user, its password, and the server's pg_hba.conf")
	case classCorrupted:
		return &store.DamagedError{Log: log, Reason: says}
	}
	return is(store.ErrStorage, says, "check the server and its messages")
}

// Remedies that several errors share.
const (
	remedyMigrate = "run the SQL that postgres.WriteMigrations prints, or open it with Config.Migrate; or check the " +
		"schema's name"
	remedyPrimary = "connect to the primary (target_session_attrs=read-write in the connection string); to read only, " +
		"set Config.ReadOnly"
)

// isConnection tells whether err is about the way to the server.
func isConnection(err error) bool {
	if _, is := errors.AsType[net.Error](err); is {
		return true
	}
	if _, is := errors.AsType[*pgconn.ConnectError](err); is {
		return true
	}
	return pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) ||
		broken(err)
}

// broken tells whether the driver only says in words that the connection is gone.
func broken(err error) bool {
	text := err.Error()
	for _, words := range []string{"conn closed", "EOF", "broken pipe", "reset by peer", "conn busy"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// plainText is an error's text on one line.
func plainText(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// fromStore tells whether err is one of the contract's errors.
func fromStore(err error) bool {
	for _, sentinel := range []error{
		store.ErrConflict, store.ErrKeyTaken, store.ErrNotFound, store.ErrInvalid, store.ErrClosed, store.ErrReadOnly,
		store.ErrUnavailable, store.ErrNewerFormat, store.ErrDamaged, store.ErrFull, store.ErrStorage, ErrNoLog,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

func (l *Log) closedError() error {
	return fmt.Errorf("%s: %w; open it again to go on", l.name, store.ErrClosed)
}

func (l *Log) damagedError(format string, args ...any) error {
	return l.damagedAt(0, format, args...)
}

func (l *Log) damagedAt(position uint64, format string, args ...any) error {
	return &store.DamagedError{Log: l.name, Position: position, Reason: fmt.Sprintf(format, args...)}
}
