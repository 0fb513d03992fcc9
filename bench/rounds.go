package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	kilobyte = 1e3
	megabyte = 1e6
	gigabyte = 1e9
)

// runTimeout bounds one run of one server.
const runTimeout = 5 * time.Minute

// figures are what one run of one server gave, by the figure's key.
type figures map[string]float64

// results holds every figure: key → server → one value for each round.
type results map[string]map[string][]float64

func (r results) add(server string, f figures) {
	for key, value := range f {
		if r[key] == nil {
			r[key] = map[string][]float64{}
		}
		r[key][server] = append(r[key][server], value)
	}
}

// bench runs the scenarios.
type bench struct {
	gateway  *gateway // of servers on S3; nil without them
	servers  []server
	work     string // folder for everything written
	repo     string // folder of Plateau's module
	rounds   int
	short    bool
	content  []byte    // 1 MiB of random bytes that every upload is made of
	progress io.Writer // one line for each run

	spelled     map[string]string // key and server → the calls counted, of the last round
	clientShare float64           // the largest part of all processor time that the load itself took in a run that was timed
}

// scenario is one kind of load.
type scenario struct {
	key     string
	servers []string
	run     func(*bench, context.Context, server) (figures, error)
}

// scenarios in the order they run in: c first, before files fill the page cache (beside a full one, 2 GiB without fsync cost
// Plateau three times the processor time, and no more than ever once those files were removed); then those that create many
// files, on the freshest file system.
func scenarios() []scenario {
	all := []string{tusd, plateauNone, plateauFsync}
	onS3 := []string{tusdS3, plateauS3}
	return []scenario{
		{"c", all, (*bench).large},
		{"j", onS3, (*bench).largeOnS3},
		{"d", all, (*bench).creation},
		{"e", all, (*bench).twoRequests},
		{"a", all, (*bench).memory},
		{"b", []string{tusd, plateauFsync}, (*bench).idle}, // an upload that waits has nothing to fsync
		{"f", []string{plateauFsync}, (*bench).events},
		{"g", []string{plateauFsync}, (*bench).drain},
		{"i", []string{plateauNone, plateauFsync}, (*bench).form},
		{"h", []string{plateauNone, plateauFsync}, (*bench).watched},
		{"o", []string{plateauNone, plateauFsync}, (*bench).guarded},
		{"n", onS3, (*bench).stalled},
		{"m", onS3, (*bench).slow},
		{"k", onS3, (*bench).smallOnS3},
		{"l", onS3, (*bench).calls},
	}
}

// run runs the scenarios named by their keys.
func (b *bench) run(ctx context.Context, keys []string) (results, error) {
	all := results{}
	for _, s := range scenarios() {
		if !slices.Contains(keys, s.key) {
			continue
		}
		for round := range b.rounds {
			for _, server := range b.order(s, round) {
				begin := time.Now()
				f, err := s.run(b, ctx, server)
				if err != nil {
					return nil, fmt.Errorf("scenario %s, round %d, %s: %w", s.key, round+1, server.name, err)
				}
				all.add(server.name, f)
				fmt.Fprintf(b.progress, "%s %d/%d %-15s %s (%.1f s)\n", s.key, round+1, b.rounds, server.name, f, time.Since(begin).Seconds())
			}
		}
	}
	return all, nil
}

// order returns the servers of a scenario, turned round in every second round, so that none always goes first.
func (b *bench) order(s scenario, round int) []server {
	var chosen []server
	for _, server := range b.servers {
		if slices.Contains(s.servers, server.name) {
			chosen = append(chosen, server)
		}
	}
	if round%2 == 1 {
		slices.Reverse(chosen)
	}
	return chosen
}

// with starts a server on a fresh folder, has the load run, and ends the server. The load gets the folder in which
// the server keeps its uploads. It is called again, with another server, if the file system spoiled the run.
func (b *bench) with(ctx context.Context, s server, load func(ctx context.Context, p *process, uploads string) error) error {
	for try := 1; ; try++ {
		err := b.once(ctx, s, load)
		if !errors.Is(err, errBadPlace) || try == runsTried {
			return err
		}
		fmt.Fprintf(b.progress, "  %s: again (%v)\n", s.name, errBadPlace)
	}
}

func (b *bench) once(ctx context.Context, s server, load func(ctx context.Context, p *process, uploads string) error) error {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	folder, err := prepare(b.work)
	if err != nil {
		return err
	}
	if s.endpoint != "" {
		bucket, err := b.gateway.bucket()
		if err != nil {
			return err
		}
		s = s.keeping(bucket)
	}
	runtime.GC() // of our own, before the clock runs
	p, err := start(ctx, s, folder)
	if err != nil {
		return err
	}
	defer p.kill()
	p.place.ignored = b.short
	err = p.place.check()
	if err == nil {
		err = load(ctx, p, p.place.uploads)
	}
	if err != nil {
		if ended := errors.Join(p.check(), b.gateway.check()); ended != nil {
			return fmt.Errorf("%w; %w", err, ended)
		}
		return fmt.Errorf("%w; the server said: %s", err, p.output.String())
	}
	return nil
}

// scale returns a count for a full run or for a short one.
func (b *bench) scale(full, short int) int {
	if b.short {
		return short
	}
	return full
}

func (b *bench) spent(share float64) { b.clientShare = max(b.clientShare, share) }

// meter measures what the load costs: where it needs most of the machine, the servers are not what is measured.
type meter struct{ begin float64 }

func startMeter() meter { return meter{ownCPU()} }

// stop returns the part of the machine's processor time that this process used.
func (m meter) stop(took time.Duration) float64 {
	return (ownCPU() - m.begin) / took.Seconds() / float64(runtime.NumCPU())
}

// ownCPU returns the seconds of processor time that this process has used.
func ownCPU() float64 { return cpuOf(syscall.RUSAGE_SELF) }

func cpuOf(whom int) float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(whom, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// String lists the figures of a run for the progress line.
func (f figures) String() string {
	var parts []string
	for _, row := range rows() {
		if value, ok := f[row.key]; ok {
			parts = append(parts, fmt.Sprintf("%s %s %s", row.key, row.format(value), row.unit))
		}
	}
	return strings.Join(parts, ", ")
}

// raiseFileLimit allows as many open files as the system lets us have, and returns how many. Servers inherit it.
func raiseFileLimit() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("raise the limit of open files: %w", err)
	}
	return limit.Max, nil
}
