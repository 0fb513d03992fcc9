// Command bench measures Plateau beside tusd, in one run, and writes a table.
//
// It builds both servers, starts each as a process of its own on a fresh folder, in turn, several rounds, loads it through
// raw TCP connections on the loopback interface, and checks every answer and every file. The scenarios are those of
// the promises made: memory after many uploads (a), memory of idle ones (b), one large upload (c), small ones a
// second (d, e), how soon an event is in Kafka (f), a million events that wait (g), what it costs to be
// watched (h), to come as a form (i), and to be asked for a token, a quota and limits (o); and on S3 one large upload (j), small ones a second (k), calls of S3 (l), slow clients (m) and
// those that stand still (n). The floors that Plateau has to reach are in floors.go; a full run ends with 1 if one is not met.
//
// With -seed it measures something else: the memory of the service that Plateau takes the place of (./seed), as it was and mended in
// part, beside Plateau's and tusd's, all under the same load (subjects.go). It writes a table, and draws a picture.
//
// Under stress: a wrong answer, a missing file or a server that ends fails the whole run, since its figures would be worth
// nothing. Servers are killed when the benchmark ends, however it ends. A disk without enough room is refused at
// the beginning. Folders are removed at the very end, and lie apart from each other, because of what ext4 does
// after mass deletion (place.go).
//
// It reads /proc, and so runs on Linux only. How the figures are to be read is written into the page that it makes.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	// Servers are started by this goroutine and die with its thread (process.go), so it stays on one.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// When what reads our output ends first (bench | head), go on and remove the folders; dying would leave them.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	out, picture, only, dir, repository, tusd, plateau, versitygw string

	rounds, uploads int
	short, seed     bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.out, "out", "", "also write the results to this `file`")
	flags.StringVar(&o.only, "only", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o", "scenarios to run; with -seed, servers")
	flags.StringVar(&o.dir, "dir", "/var/tmp", "folder for binaries and uploads; it should be on a real disk")
	flags.StringVar(&o.repository, "repository", "..", "folder of Plateau's module")
	flags.StringVar(&o.tusd, "tusd", "", "use this binary, don't build tusd")
	flags.StringVar(&o.plateau, "plateau", "", "use this binary, don't build Plateau")
	flags.StringVar(&o.versitygw, "versitygw", "", "use this S3 server, not that of e2e")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each server runs each scenario")
	flags.BoolVar(&o.short, "short", false, "small counts, one round, few floors: shows only that everything works")
	flags.BoolVar(&o.seed, "seed", false, "measure the memory of the seed, Plateau and tusd, and nothing else")
	flags.IntVar(&o.uploads, "n", 0, "with -seed, uploads for each server (8,000; 300 in a short run)")
	flags.StringVar(&o.picture, "picture", "", "with -seed, draw the memory as SVG into this `file`")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.short {
		o.rounds = 1
	}
	var mistakes []error
	if flags.NArg() > 0 {
		mistakes = append(mistakes, fmt.Errorf("arguments that are not flags: %q", flags.Args()))
	}
	if o.rounds < 1 {
		mistakes = append(mistakes, fmt.Errorf("-rounds is %d: at least 1", o.rounds))
	}
	if !o.seed && (o.uploads != 0 || o.picture != "") {
		mistakes = append(mistakes, errors.New("-n and -picture go with -seed"))
	}
	if o.uploads != 0 && o.uploads < 30 {
		mistakes = append(mistakes, fmt.Errorf("-n is %d: at least 30", o.uploads))
	}
	for key := range strings.SplitSeq(o.only, ",") {
		if len(key) != 1 || !strings.Contains("abcdefghijklmno", key) {
			mistakes = append(mistakes, fmt.Errorf("-only has %q: scenarios are the letters from a to o", key))
		}
	}
	return o, errors.Join(mistakes...)
}

// run returns the exit code: 0 all well, 1 a floor not met or a run failed, 2 flags wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	met, err := measure(ctx, o, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if !met {
		fmt.Fprintln(stderr, "bench: not every floor is met")
		return 1
	}
	return 0
}

// measure does everything and reports whether all floors are met.
func measure(ctx context.Context, o options, stdout, stderr io.Writer) (met bool, err error) {
	files, err := raiseFileLimit()
	if err != nil {
		return false, err
	}
	if files < 12_000 && !o.seed {
		fmt.Fprintf(stderr, "only %d files may be open: scenario b needs about 11,000 in a server (ulimit -Hn)\n", files)
	}
	need := int64(20 * gigabyte)
	if o.short || o.seed {
		need = 2 * gigabyte
	}
	if err := enoughSpace(o.dir, need); err != nil {
		return false, err
	}
	work, err := os.MkdirTemp(o.dir, "plateau-bench-*")
	if err != nil {
		return false, fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		fmt.Fprintln(stderr, "removing", work)
		err = errors.Join(err, os.RemoveAll(work))
	}()
	if err := spread(work); err != nil {
		return false, err
	}
	fmt.Fprintln(stderr, "building (tusd takes minutes the first time)")
	tusdBinary, plateauBinary, err := build(ctx, work, o.repository, o.tusd, o.plateau)
	if err != nil {
		return false, err
	}
	b := bench{
		servers: []server{
			tusdServer(tusdBinary),
			plateauServer(plateauNone, plateauBinary, "none"),
			plateauServer(plateauFsync, plateauBinary, "finish"),
		},
		work: work, repo: o.repository, rounds: o.rounds, short: o.short, progress: stderr,
		content: make([]byte, 1<<20), spelled: map[string]string{},
	}
	if o.seed {
		return compareMemory(ctx, b, o, tusdBinary, plateauBinary, stdout)
	}
	_, _ = rand.Read(b.content) // it never fails
	if strings.ContainsAny(o.only, "jklmn") {
		if b.gateway, err = b.startGateway(ctx, cmp.Or(o.versitygw, filepath.Join(o.repository, "e2e", "s3", "bin", "versitygw"))); err != nil {
			return false, err
		}
		defer b.gateway.kill()
		b.servers = append(b.servers, tusdOnS3(tusdBinary, b.gateway.addr), plateauOnS3(plateauBinary, b.gateway.addr))
	}
	all, err := b.run(ctx, strings.Split(o.only, ","))
	if err != nil {
		return false, err
	}
	limits := append(floorsOnS3(o.short), floorsOfGuards(o.short)...)
	if !o.short {
		limits = append(floors(), limits...)
	}
	checked := check(all, limits)
	text := page(&b, all, checked, time.Now())
	fmt.Fprintf(stdout, "%s\n%s\n%s\n%s", table(all, onDisk()), table(all, onS3()), callsSpelled(&b), verdicts(checked))
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(text), 0o644); err != nil {
			return false, fmt.Errorf("write results: %w", err)
		}
	}
	return allMet(checked), nil
}
