package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"plateau/store/s3/s3test"
)

// testTimeout bounds one test, whatever it waits for. The whole matrix takes longer, see bounded.
const testTimeout = 3 * time.Minute

// build makes what the tests start, each once per test process.
type build struct {
	plateau func() (string, error)
	leaking func() (string, error) // plateau with the tag leaks
	soaked  func() (string, error) // plateau, which knows of leaked goroutines
	tusd    func() (string, error)
	kafka   *sharedKafka
	gateway *s3test.Shared // an S3 server for all tests
}

// binaries is set once, before any test runs.
var binaries build

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plateau-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the binaries:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = build{
		plateau: sync.OnceValues(func() (string, error) { return buildPlateau(filepath.Join(dir, "plateau"), nil) }),
		soaked: sync.OnceValues(func() (string, error) {
			// As make binary does it, so that what one has compiled the other need not.
			return buildPlateau(filepath.Join(dir, "soaked"), []string{"GOEXPERIMENT=goroutineleakprofile", "CGO_ENABLED=0"}, "-trimpath")
		}),
		leaking: sync.OnceValues(func() (string, error) {
			return goBuild(filepath.Join(dir, "plateau-leaking"), "..", "./cmd/plateau", nil, "-tags", "leaks")
		}),
		tusd: sync.OnceValues(func() (string, error) {
			return goBuild(filepath.Join(dir, "tusd"), filepath.Join("..", "bench"), "github.com/tus/tusd/v2/cmd/tusd", nil)
		}),
		kafka:   &sharedKafka{folder: filepath.Join(dir, "kafka")},
		gateway: &s3test.Shared{},
	}
	defer binaries.kafka.end()
	return binaries.gateway.Run(m)
}

func raceWanted() bool { return os.Getenv("PLATEAU_E2E_RACE") == "1" }

func fullWanted() bool { return os.Getenv("PLATEAU_E2E") == "full" }

// buildPlateau builds the server, unless a binary was given.
func buildPlateau(out string, environ []string, flags ...string) (string, error) {
	if built := os.Getenv("PLATEAU_E2E_BINARY"); built != "" {
		return built, nil
	}
	if raceWanted() {
		environ, flags = append(environ, "CGO_ENABLED=1"), append(flags, "-race")
	}
	return goBuild(out, "..", "./cmd/plateau", environ, flags...)
}

// goBuild builds a package of the module in folder module and returns the binary's path. environ is added to the test's own.
func goBuild(out, module, pkg string, environ []string, flags ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args := append([]string{"build", "-C", module, "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Env = append(os.Environ(), environ...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// missing skips the test for want of a part and names the command that installs it. CI has every part: there it fails. go test
// hides what a skipped test says, so the same goes to the file that PLATEAU_E2E_MISSING names, which make test shows.
func missing(t *testing.T, part, install string) {
	t.Helper()
	said := fmt.Sprintf("%s is missing; install it: %s", part, install)
	if os.Getenv("CI") == "true" {
		t.Fatal(said)
	}
	if list := os.Getenv("PLATEAU_E2E_MISSING"); list != "" {
		file, err := os.OpenFile(list, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		fmt.Fprintf(file, "%s was left out: %s\n", t.Name(), said)
	}
	t.Skip(said)
}

// seeded returns a random source, and prints its seed so that a failure can be run again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("PLATEAU_E2E_SEED"); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("PLATEAU_E2E_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("seed %d (PLATEAU_E2E_SEED=%d runs it again)", seed, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// bounded is the test's context with a deadline.
func bounded(t *testing.T) context.Context {
	t.Helper()
	timeout := testTimeout
	if fullWanted() {
		timeout *= 5
	}
	return boundedBy(t, timeout)
}

// boundedBy is the test's context with this deadline.
func boundedBy(t *testing.T, timeout time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// await looks at a condition until it holds or the context ends.
func await(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s: %v", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// exitCode is the code a process ended with, -1 when a signal ended it.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -2
}
