package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// shopping is one lane's turn: a simulator, a service, and those who shop there.
type shopping struct {
	checkout, simulator, keys, log string

	url, apo, private string
	mu                sync.Mutex
	took              []time.Duration // of each command in the time that is measured
	all               atomic.Int64    // commands, warming up too

	sample func(service *program) // asked all the while; nil: nobody
}

// run has shoppers at a service for so long, and then somebody look at it while it still runs; nil: nobody.
func (w *shopping) run(during time.Duration, look func(service *program) error) (lane serviceLane, err error) {
	apo, public, private, err := freeAddresses()
	if err != nil {
		return lane, err
	}
	w.url, w.apo, w.private = "http://"+public, "http://"+apo, "http://"+private
	simulator, err := started(w.simulator, nil, "simulate", "--listen", apo, "--keys", w.keys, "--notify", w.url+"/notify")
	if err != nil {
		return lane, err
	}
	defer func() {
		lane.Simulator, err = w.ended(simulator, err)
	}()
	if err := answers(w.apo + "/_control/"); err != nil {
		return lane, fmt.Errorf("the simulator: %w: %s", err, simulator.said.String())
	}
	service, err := started(w.checkout, []string{"CHECKOUT_GATEWAY=" + w.apo,
		"CHECKOUT_CLIENT=SANDBOX_5YAPOTEST000001", "CHECKOUT_KEYS=" + w.keys, "CHECKOUT_LOG=" + w.log,
		"CHECKOUT_LISTEN=" + public, "CHECKOUT_PRIVATE=" + private, "CHECKOUT_DRAIN_WAIT=0s", "CHECKOUT_DISK_MIN=1MiB"})
	if err != nil {
		return lane, err
	}
	defer func() {
		lane.Service, err = w.ended(service, err)
	}()
	if err := answers(w.private + "/livez"); err != nil {
		return lane, fmt.Errorf("the service: %w: %s", err, service.said.String())
	}
	stop := w.sampled(service)
	lane, err = w.measured(during)
	if stop(); err == nil && look != nil {
		err = look(service)
	}
	return lane, err
}

// sampled begins to take samples, and returns what ends it.
func (w *shopping) sampled(service *program) (stop func()) {
	if w.sample == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(sampleEvery); ; {
			select {
			case <-ticker.C:
				w.sample(service)
			case <-end:
				ticker.Stop()
				w.sample(service)
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// measured is what shoppers find, with the service's own figures of the same time.
func (w *shopping) measured(during time.Duration) (lane serviceLane, err error) {
	var before, after figuresOf
	var failed error
	var watching sync.WaitGroup
	watching.Go(func() {
		time.Sleep(during / warmUpShare)
		if before, failed = w.figures(); failed != nil {
			return
		}
		lane.Shares, failed = sharesAt(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", w.private,
			max(1, int(during.Seconds()))))
	})
	spent, commands := processorTime(), w.all.Load()
	measured, err := w.shop(during)
	spent = processorTime() - spent
	watching.Wait()
	if err = errors.Join(err, failed); err != nil {
		return lane, err
	}
	if after, err = w.figures(); err != nil {
		return lane, err
	}
	slices.Sort(w.took)
	sum := time.Duration(0)
	for _, t := range w.took {
		sum += t
	}
	n := float64(len(w.took))
	lane.Commands, lane.P50, lane.P99 = n/measured.Seconds(), percentile(w.took, 0.50), percentile(w.took, 0.99)
	lane.Notified = (after.notified - before.notified) / measured.Seconds()
	lane.Mean = sum / time.Duration(len(w.took))
	lane.Shoppers = spent / time.Duration(w.all.Load()-commands)
	lane.Log = time.Duration((after.appending - before.appending) / n * float64(time.Second))
	return lane, nil
}

// ended ends a process, and tells what it took of the processor for each command.
func (w *shopping) ended(p *program, before error) (each time.Duration, err error) {
	if err = errors.Join(before, p.end()); err != nil || w.all.Load() == 0 {
		return 0, err
	}
	state := p.ProcessState
	return (state.UserTime() + state.SystemTime()) / time.Duration(w.all.Load()), nil
}

// shop has every shopper place an order and cancel it, then place one that the buyer pays, capture the oldest that was
// paid before if its word has come, and so on, and measures the commands that begin after a part of the time: at least
// one of each shopper. What is paid, and what is captured, APO notifies.
func (w *shopping) shop(during time.Duration) (measured time.Duration, err error) {
	ctx, stop := context.WithTimeout(context.Background(), during+during/warmUpShare)
	defer stop()
	from := time.Now().Add(during / warmUpShare)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: shoppers}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	failed := make([]error, shoppers)
	for i := range failed {
		s := &shopper{shopping: w, client: client, from: from}
		group.Go(func() {
			for n := 0; failed[i] == nil && (ctx.Err() == nil || len(s.took) == 0); n++ {
				failed[i] = s.shops(fmt.Sprintf("order-%d-%d-%d", from.UnixNano(), i, n))
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.took = append(w.took, s.took...)
		})
	}
	group.Wait()
	return time.Since(from), errors.Join(failed...)
}

// shopper is one of those who shop, with what the commands took.
type shopper struct {
	*shopping
	client *http.Client
	from   time.Time
	took   []time.Duration
	paid   []string // the orders that are not captured yet, oldest first
}

// shops is one turn: four commands, three where nothing is to be captured yet. Nobody waits for a notification: the
// rate would be that of whoever sends them.
func (s *shopper) shops(id string) error {
	if err := s.places(id); err != nil {
		return err
	}
	if err := s.commands(id, "cancel", `{"reason":"changed their mind","actor":"buyer"}`); err != nil {
		return err
	}
	paid := id + "-paid"
	if err := s.places(paid); err != nil {
		return err
	}
	if err := s.submits(paid); err != nil {
		return err
	}
	s.paid = append(s.paid, paid)
	return s.captures()
}

// submits has the buyer pay. The answer is read to its end: a connection whose answer is not cannot be used again, and
// opening one for each buyer cost shoppers and simulator more than the call.
func (s *shopper) submits(id string) error {
	answer, err := s.client.Post(s.apo+"/_control/submit/"+id, "", nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the buyer of %s could not pay: %s: %w", id, answer.Status, err)
	}
	return nil
}

// captures captures the oldest order that was paid before this turn's, unless its word has not come.
func (s *shopper) captures() error {
	if len(s.paid) < 2 {
		return nil
	}
	err := s.commands(s.paid[0], "capture", `{"amount":"USD 10.00","actor":"shop"}`)
	if errors.Is(err, errEarly) {
		return nil
	}
	s.paid = s.paid[1:]
	return err
}

func (s *shopper) places(id string) error {
	return s.timed("/orders", id, `{"order":"`+id+`","amount":"USD 10.00","method":"CARD","captureMode":"manual",`+
		`"actor":"shop"}`)
}

func (s *shopper) commands(id, verb, body string) error {
	return s.timed("/orders/"+id+"/"+verb, id+"-"+verb, body)
}

// errEarly: a capture came before the word that the buyer has paid, and is not counted.
var errEarly = errors.New("it is not known yet that the buyer has paid")

// timed gives a command.
func (s *shopper) timed(path, key, body string) error {
	begun := time.Now()
	status, err := give(s.client, s.url+path, key, body)
	switch {
	case status == http.StatusConflict && strings.HasSuffix(path, "/capture"):
		return errEarly
	case err == nil:
		s.all.Add(1)
		if begun.After(s.from) {
			s.took = append(s.took, time.Since(begun))
		}
	}
	return err
}

// give gives a command, and takes no answer but that it was done.
func give(client *http.Client, url, key, body string) (status int, err error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s answered %s: %s", url, answer.Status, said)
	}
	return answer.StatusCode, err
}

// figuresOf are the service's own, as /metrics has them.
type figuresOf struct {
	notified  float64 // notifications acknowledged, each signed by APO and verified, also where it told nothing new
	appending float64 // seconds of all appends
	alive     float64 // bytes of its memory
}

// figures asks the service for them.
func (w *shopping) figures() (f figuresOf, err error) {
	answer, err := http.Get(w.private + "/metrics")
	if err != nil {
		return f, err
	}
	defer answer.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, labels, _ := strings.Cut(lines.Text(), "{")
		if i := strings.IndexByte(name, ' '); i >= 0 {
			name = name[:i]
		}
		if name == notifiedMetric && !strings.Contains(labels, `outcome="recorded"`) &&
			!strings.Contains(labels, `outcome="duplicate"`) {
			continue
		}
		value, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
		if err == nil {
			all[name] += value
		}
	}
	for name, to := range map[string]*float64{notifiedMetric: &f.notified, appendsMetric: &f.appending,
		aliveMetric: &f.alive} {
		value, there := all[name]
		if !there && name != notifiedMetric { // which there is none of before the first
			return f, fmt.Errorf("/metrics has no %s", name)
		}
		*to = value
	}
	return f, nil
}

// The metrics that are asked for.
const (
	notifiedMetric = "tilltape_notification_duration_seconds_count"
	appendsMetric  = "tilltape_log_append_time_seconds_total"
	aliveMetric    = "go_memstats_heap_alloc_bytes"
)

// sampleEvery is how often a service under load is looked at.
const sampleEvery = 50 * time.Millisecond

// program is a process of this section.
type program struct {
	*exec.Cmd
	said bytes.Buffer
}

func started(path string, environment []string, args ...string) (*program, error) {
	p := &program{Cmd: exec.Command(path, args...)}
	p.Env, p.Stdout, p.Stderr = append(os.Environ(), environment...), &p.said, &p.said
	return p, p.Start()
}

// end asks the process to end, and waits for that.
func (p *program) end() error {
	if err := p.Process.Signal(os.Interrupt); err != nil {
		return errors.Join(err, p.Process.Kill(), p.Wait())
	}
	if err := p.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %.2000s", filepath.Base(p.Path), err, p.said.String())
	}
	return nil
}

// answers waits until somebody answers there.
func answers(url string) error {
	for until := time.Now().Add(serviceUp); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			return answer.Body.Close()
		}
		if time.Now().After(until) {
			return err
		}
	}
}

// freeAddresses are three of loopback that nobody listens on now.
func freeAddresses() (one, two, three string, err error) {
	var all []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", "", err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all[0], all[1], all[2], nil
}
