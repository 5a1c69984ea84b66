package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tilltape/tilltape/store/jetstream"
)

// prefix begins the name of every setting in the environment.
const prefix = "CHECKOUT_"

// settings are what the environment says.
type settings struct {
	gateway, client, keys           string
	log, database, origin, signer   string
	nats, stream                    string
	replicas                        int
	createStream                    bool
	listen, private, token          string
	notifyURL, returnURL            string
	tellURL, tellSecret, backups    string
	callTimeout, drainWait          time.Duration
	diskMin                         int64 // bytes
	overdueMax, failureMax, openMax time.Duration
}

// setting is one variable. What take says is put behind the variable's name: what is wrong, and what is right.
type setting struct {
	name, otherwise, says string
	take                  func(*settings, string) error
}

// all are the settings there are, as the README lists them.
var all = []setting{
	{"GATEWAY", "", "APO's URL; plain http is for loopback alone", func(s *settings, v string) error {
		return address(&s.gateway, v)
	}},
	{"CLIENT", "", "your client id at APO", text(func(s *settings) *string { return &s.client })},
	{"KEYS", "keys", "the folder with " + privateKeyFile + " and " + publicKeyFile,
		text(func(s *settings) *string { return &s.keys })},
	{"LOG", "", "the file that keeps the orders, " + defaultLog + " unless it is said; not together with DATABASE",
		text(func(s *settings) *string { return &s.log })},
	{"DATABASE", "", "the URL of a PostgreSQL database that keeps the orders instead, for any number of processes",
		text(func(s *settings) *string { return &s.database })},
	{"NATS", "",
		"the URLs of NATS servers, in whose stream any number of processes agree on what each keeps in a LOG of its own",
		func(s *settings, v string) error { return natsServers(&s.nats, v) }},
	{"STREAM", "", "the stream's name on NATS, " + jetstream.DefaultStream + " unless it is said",
		text(func(s *settings) *string { return &s.stream })},
	{"STREAM_REPLICAS", "", "on how many servers the stream must be, 3 unless it is said; 1 is for trying",
		func(s *settings, v string) error { return replicas(&s.replicas, v) }},
	{"STREAM_CREATE", "", "yes makes the stream where there is none: for the first start, and not afterwards",
		func(s *settings, v string) error { return yes(&s.createStream, v) }},
	{"ORIGIN", "", "the log's name, such as shop.example/orders: the first that it is opened with is its name for good",
		text(func(s *settings) *string { return &s.origin })},
	{"SIGNER", "", "the file with the key that signs for the log, as tilltape keygen made it",
		text(func(s *settings) *string { return &s.signer })},
	{"LISTEN", "127.0.0.1:8080", "where orders and notifications are taken",
		func(s *settings, v string) error { return endpoint(&s.listen, v) }},
	{"PRIVATE", "127.0.0.1:8081", "where the viewer, backups and probes are; beyond loopback it needs TOKEN_FILE",
		func(s *settings, v string) error { return endpoint(&s.private, v) }},
	{"TOKEN_FILE", "", "the file with the token for PRIVATE, of 20 characters or more; without it there are no backups",
		text(func(s *settings) *string { return &s.token })},
	{"BACKUPS", "",
		"the folder in which a backup is made before it is handed out, beside LOG unless it is said; with DATABASE say it",
		text(func(s *settings) *string { return &s.backups })},
	{"NOTIFY_URL", "", "where APO notifies, such as https://shop.example/notify, unless your contract says it already",
		func(s *settings, v string) error { return address(&s.notifyURL, v) }},
	{"RETURN_URL", "", "where buyers come back to from APO's page",
		func(s *settings, v string) error { return address(&s.returnURL, v) }},
	{"TELL_URL", "",
		"who is told each record, as a signed webhook by https; of several processes that are one shop set it in one",
		func(s *settings, v string) error { return receiving(&s.tellURL, v) }},
	{"TELL_SECRET_FILE", "", "the file with the secret that signs for TELL_URL, which needs one; two while it is changed",
		text(func(s *settings) *string { return &s.tellSecret })},
	{"CALL_TIMEOUT", "20s",
		"how long APO has for an answer; what a process died over is asked for again after three times that",
		func(s *settings, v string) error { return span(&s.callTimeout, v, callTimeoutMin) }},
	{"DRAIN_WAIT", "2s", "how long it still takes requests after SIGTERM, while /readyz says no already",
		func(s *settings, v string) error { return span(&s.drainWait, v, 0) }},
	{"DISK_MIN", "256MiB", "with less room for LOG it is not ready",
		func(s *settings, v string) error { return size(&s.diskMin, v) }},
	{"OVERDUE_MAX", "10m", "it is not ready where something is due for that long, and Run has driven no order for as long",
		func(s *settings, v string) error { return span(&s.overdueMax, v, time.Second) }},
	{"FAILURE_MAX", "30s", "for so long after the log failed to take something it is not ready",
		func(s *settings, v string) error { return span(&s.failureMax, v, time.Second) }},
	{"UNKNOWN_MAX", "0s",
		"with an outcome unknown for longer, and not accepted by APO, it is not ready; 0s: it only says since when",
		func(s *settings, v string) error { return span(&s.openMax, v, 0) }},
}

const (
	defaultLog     = "orders.tilltape"
	callTimeoutMin = 500 * time.Millisecond // three times that is more than the shortest lease
)

// read takes the settings out of an environment, as os.Environ has it. A variable that is empty is not set. The error
// is about the first that cannot be: it names it, says what is wrong and what is right.
func read(environ []string) (s settings, err error) {
	said := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if name, ours := strings.CutPrefix(name, prefix); ours {
			said[name] = value
		}
	}
	for _, one := range all {
		value := cmp.Or(said[one.name], one.otherwise)
		delete(said, one.name)
		if value == "" {
			continue
		}
		if err := one.take(&s, value); err != nil {
			return s, fmt.Errorf("%s%s %w", prefix, one.name, err)
		}
	}
	maps.DeleteFunc(said, func(name, _ string) bool { return linked(name, environ) })
	for _, name := range slices.Sorted(maps.Keys(said)) {
		return s, fmt.Errorf("%s%s is no setting; checkout --help lists them all", prefix, name)
	}
	return s, s.fit()
}

// link is the rest of a variable that Kubernetes sets for each service of a namespace, behind the service's name.
var link = regexp.MustCompile(`^(.*?_)??(SERVICE_(HOST|PORT(_\w+)?)|PORT(_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$`)

// linked reports whether Kubernetes says where a service is that is called checkout, or begins so. All its variables
// come together, so one that stands alone is a slip.
func linked(name string, environ []string) bool {
	m := link.FindStringSubmatch(name)
	return m != nil && slices.ContainsFunc(environ, func(pair string) bool {
		return strings.HasPrefix(pair, prefix+m[1]+"SERVICE_HOST=")
	})
}

// fit says what single settings cannot: what is missing, and what does not go together.
func (s *settings) fit() error {
	switch {
	case s.gateway == "":
		return errors.New(prefix + "GATEWAY is not set; give APO's URL, `tilltape simulate` prints one to try with")
	case s.client == "":
		return errors.New(prefix + "CLIENT is not set; give your client id at APO, `tilltape simulate` prints one")
	case s.log != "" && s.database != "":
		return fmt.Errorf("%sLOG and %sDATABASE are both set; a log is in one of them", prefix, prefix)
	case s.nats != "" && s.database != "":
		return fmt.Errorf("%sNATS and %sDATABASE are both set; a log is in one of them", prefix, prefix)
	case s.nats == "" && (s.stream != "" || s.replicas != 0 || s.createStream):
		return fmt.Errorf("%sSTREAM, %sSTREAM_REPLICAS or %sSTREAM_CREATE is set without %sNATS; say where the servers are",
			prefix, prefix, prefix, prefix)
	case s.token == "" && !loopback(s.private):
		return fmt.Errorf("%sPRIVATE %q can be reached from other machines; give %sTOKEN_FILE, or an address on loopback",
			prefix, s.private, prefix)
	}
	switch {
	case s.tellSecret != "" && s.tellURL == "":
		return fmt.Errorf("%sTELL_SECRET_FILE is set without %sTELL_URL; say who is told", prefix, prefix)
	case s.tellURL != "" && s.tellSecret == "":
		return fmt.Errorf("%sTELL_URL is set without %sTELL_SECRET_FILE, and the receiver would take anybody's word for "+
			"ours; `openssl rand -base64 32` makes a secret", prefix, prefix)
	}
	if s.log == "" && s.database == "" {
		s.log = defaultLog
	}
	if s.backups == "" && s.log != "" { // the folder for what is temporary may be memory
		s.backups = filepath.Dir(s.log)
	}
	return nil
}

func text(at func(*settings) *string) func(*settings, string) error {
	return func(s *settings, value string) error {
		*at(s) = value
		return nil
	}
}

func address(to *string, value string) error {
	if strings.Contains(value, "@") { // what stands before it may be a password: it is not told
		return errors.New("has a user or a password, or is no URL; give scheme and host, such as https://shop.example")
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%q is no URL; give scheme and host, such as https://shop.example", value)
	}
	*to = value
	return nil
}

// receiving is address for one that may be a secret as a whole, so that nothing of it is told.
func receiving(to *string, value string) error {
	if address(to, value) != nil {
		return errors.New("has a user or a password, or is no URL; give scheme and host, such as https://warehouse.example/x")
	}
	if u, err := url.Parse(value); err != nil || u.Scheme != "https" && !loopbackHost(u.Hostname()) {
		return errors.New("is plain http to another machine, and the records have what APO says of buyers; give https, or " +
			"a receiver on loopback")
	}
	return nil
}

// natsServers takes the servers' URLs, of which none is told: they may have passwords.
func natsServers(to *string, value string) error {
	for one := range strings.SplitSeq(value, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
			return errors.New("has what is no URL of a NATS server; give nats://127.0.0.1:4222, or " +
				"tls://nats-1.shop.example,tls://nats-2.shop.example,tls://nats-3.shop.example")
		}
	}
	*to = value
	return nil
}

func replicas(to *int, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n != 1 && n != 3 && n != 5 {
		return fmt.Errorf("%q is no number of replicas; give 1, 3 or 5", value)
	}
	*to = n
	return nil
}

func yes(to *bool, value string) error {
	if value != "yes" && value != "no" {
		return fmt.Errorf("%q is neither yes nor no", value)
	}
	*to = value == "yes"
	return nil
}

func endpoint(to *string, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is nothing to listen on; give host and port, such as 127.0.0.1:8080", value)
	}
	*to = value
	return nil
}

// loopback reports whether only this machine reaches an address.
func loopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return false
	}
	return loopbackHost(host)
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func span(to *time.Duration, value string, least time.Duration) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < least {
		return fmt.Errorf("%q is no time of %s or more; write it like 20s, 10m or 1h30m", value, least)
	}
	*to = d
	return nil
}

func size(to *int64, value string) error {
	number, unit := strings.TrimRight(value, "BGKMi"), int64(1)
	switch value[len(number):] {
	case "KiB":
		unit = 1 << 10
	case "MiB":
		unit = 1 << 20
	case "GiB":
		unit = 1 << 30
	case "B":
	default:
		number = ""
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no size; write it like 256MiB or 2GiB", value)
	}
	*to = n * unit
	return nil
}

// help lists the settings.
func help(out io.Writer) {
	fmt.Fprint(out, "checkout takes its settings from the environment:\n\n")
	for _, one := range all {
		fmt.Fprintf(out, "  %s%s\n\t%s", prefix, one.name, one.says)
		if one.otherwise != "" {
			fmt.Fprintf(out, " (%s)", one.otherwise)
		}
		fmt.Fprintln(out)
	}
}
