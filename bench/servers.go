package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// basePath is where both servers take uploads.
const basePath = "/files/"

// tusdPackage is built at the version that go.mod pins.
const tusdPackage = "github.com/tus/tusd/v2/cmd/tusd"

// Names of the servers, as the tables show them.
const (
	tusd         = "tusd"
	plateauNone  = "plateau none"
	plateauFsync = "plateau finish"
	tusdS3       = "tusd on S3"
	plateauS3    = "plateau on S3"
)

// server is one of the programs measured, with the settings that it runs with.
type server struct {
	name             string
	binary           string
	args             func(addr, admin, folder string) []string
	uploads          string // where data files are, below the folder; of one on S3, its bucket
	endpoint         string // of S3, if that is where it keeps uploads; each run has a bucket of its own
	environment      []string
	metricsOnUploads bool   // /metrics is on the listener of uploads
	ready            string // method and path of a request that is answered 200 or 204 once it serves
}

// Both servers get the same idle timeout, longer than any scenario lasts, and say as little as they can be told to.

func tusdServer(binary string) server {
	s := tusdAnywhere(tusd, binary)
	plain := s.args
	s.args = func(addr, admin, folder string) []string {
		return append(plain(addr, admin, folder), "-upload-dir", folder)
	}
	return s
}

// tusdOnS3 keeps uploads at the address of an S3 server, and parts of them in temporary files.
func tusdOnS3(binary, addr string) server {
	return tusdAnywhere(tusdS3, binary).onS3(addr)
}

func tusdAnywhere(name, binary string) server {
	return server{
		name: name, binary: binary, uploads: ".", metricsOnUploads: true, ready: "OPTIONS " + basePath,
		args: func(addr, _, _ string) []string {
			host, port, _ := net.SplitHostPort(addr)
			return []string{
				"-host", host, "-port", port, "-base-path", basePath,
				"-verbose=false", "-show-greeting=false", "-show-startup-logs=false", "-network-timeout", "10m",
			}
		},
	}
}

func plateauServer(name, binary, durability string) server {
	return plateauWith(name, binary, "--durability", durability)
}

// plateauOnS3 keeps uploads at the address of an S3 server, and parts of them in temporary files.
func plateauOnS3(binary, addr string) server {
	return plateauWith(plateauS3, binary, "--store", "s3", "--s3-region", s3Region, "--s3-path-style", "on").onS3(addr)
}

func plateauWith(name, binary string, settings ...string) server {
	return server{
		name: name, binary: binary, uploads: "uploads", ready: "OPTIONS " + basePath,
		args: func(addr, admin, folder string) []string {
			return append([]string{
				"serve", "--listen", addr, "--admin-listen", admin, "--data-dir", folder,
				"--log-level", "warn", "--idle-timeout", "10m",
			}, settings...)
		},
	}
}

// with gives a server more arguments.
func (s server) with(more ...string) server {
	plain := s.args
	s.args = func(addr, admin, folder string) []string { return append(plain(addr, admin, folder), more...) }
	return s
}

// environ is all that a server sees of ours: settings of the Go runtime, above all, must not leak in. Temporary files go to
// its own folder.
func (s server) environ(folder string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + folder,
		"GOMAXPROCS=" + strconv.Itoa(gomaxprocs()),
	}, s.environment...)
}

func gomaxprocs() int { return runtime.NumCPU() }

// commandLine shows how a server was started, with names in place of what differs from run to run.
func commandLine(s server) string {
	if s.endpoint != "" {
		s = s.keeping("BUCKET")
	}
	return "`" + s.binary + " " + strings.Join(s.args("127.0.0.1:PORT", "127.0.0.1:ADMIN", "FOLDER"), " ") + "`"
}

// build makes both binaries in the folder. Paths that are given are used instead.
func build(ctx context.Context, folder, repository, tusdPath, plateauPath string) (tusdBinary, plateauBinary string, err error) {
	tusdBinary, plateauBinary = tusdPath, plateauPath
	if tusdBinary == "" {
		tusdBinary = filepath.Join(folder, "tusd")
		if err := goBuild(ctx, ".", tusdBinary, tusdPackage); err != nil {
			return "", "", err
		}
	}
	if plateauBinary == "" {
		plateauBinary = filepath.Join(folder, "plateau")
		if err := goBuild(ctx, repository, plateauBinary, "./cmd/plateau"); err != nil {
			return "", "", err
		}
	}
	if tusdBinary, err = filepath.Abs(tusdBinary); err != nil {
		return "", "", fmt.Errorf("find tusd: %w", err)
	}
	if plateauBinary, err = filepath.Abs(plateauBinary); err != nil {
		return "", "", fmt.Errorf("find plateau: %w", err)
	}
	return tusdBinary, plateauBinary, nil
}

func goBuild(ctx context.Context, folder, binary, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg)
	cmd.Dir = folder
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// tail keeps the last few KiB that a server said, for the error that tells of its end.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if extra := len(t.kept) - 4096; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
