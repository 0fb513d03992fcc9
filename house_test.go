// Package plateau_test holds the rules of the house: who may import whom, and
// what every package owes its reader.
package plateau_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// room says what a folder may import: of ours, and modules from outside. A name
// that ends in "/..." stands for everything below it.
type room struct {
	ours    []string
	outside []string
	why     string
}

// rooms is the table of the house. A package that isn't here may import nothing.
func rooms() map[string]room {
	const (
		tusd     = "github.com/tus/tusd/v2/pkg/handler"
		expslog  = "golang.org/x/exp/slog"
		sys      = "golang.org/x/sys/unix"
		promtusd = "github.com/tus/tusd/v2/pkg/prometheuscollector"
		otlp     = "go.opentelemetry.io/proto/otlp/trace/v1"
		protobuf = "google.golang.org/protobuf/proto"
	)
	return map[string]room{
		"cmd/plateau":                {[]string{"config", "server", "server/access", "client"}, nil, "main translates, nothing else"},
		"client":                     {nil, []string{"github.com/bdragon300/tusgo", "github.com/vbauerster/mpb/v8/...", "golang.org/x/term", sys}, "it sees a server from outside"},
		"config":                     {nil, []string{"github.com/goccy/go-yaml/..."}, "only the server knows the configuration; one library"},
		"server":                     {[]string{"config", "hooks", "server/access", "server/flags", "server/limits", "server/policy", "server/tracing", "store/...", "profiling", "web"}, []string{"github.com/labstack/echo/v5/...", tusd, expslog, promtusd, "github.com/prometheus/client_golang/...", "golang.org/x/text/encoding/...", "github.com/KimMachineGun/automemlimit/memlimit"}, "Echo stays in here"},
		"server/access":              {nil, []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/jwkset"}, "whose a token is has nothing to do with uploads"},
		"server/flags":               {nil, []string{"github.com/growthbook/growthbook-golang"}, "flags know neither uploads nor the configuration"},
		"server/limits":              {nil, nil, "it counts clients, and knows neither HTTP nor uploads"},
		"server/policy":              {nil, nil, "it asks, and knows neither uploads nor the configuration"},
		"server/tracing":             {nil, []string{"go.opentelemetry.io/otel/...", otlp, protobuf}, "OpenTelemetry stays in here"},
		"server/tracing/tracingtest": {nil, []string{"go.opentelemetry.io/proto/otlp/common/v1", otlp, protobuf}, "it knows spans as a collector sees them"},
		"hooks":                      {nil, []string{tusd, sys, "github.com/segmentio/kafka-go/..."}, "it knows entries and events, not who makes them"},
		"hooks/outboxtest":           {[]string{"hooks"}, []string{tusd}, "the contract suite is given its outbox by a constructor"},
		"store":                      {nil, []string{tusd}, "what a store must know of a request comes through the context"},
		"store/memorylock":           {[]string{"store"}, []string{tusd}, "a lock knows no store"},
		"store/blocks":               {[]string{"store"}, nil, "it copies bodies, and knows no uploads"},
		"store/lifecycle":            {[]string{"store"}, nil, "what all stores do alike knows none of them"},
		"store/journal":              {nil, nil, "a log of bytes knows neither uploads nor files of others"},
		"store/disk":                 {[]string{"store", "store/blocks", "store/journal", "store/lifecycle"}, []string{tusd, sys}, "a store is told what to call at finish by a function field"},
		"store/s3":                   {[]string{"hooks", "store", "store/blocks", "store/lifecycle", "store/s3/bucket", "store/s3/spool"}, []string{tusd}, "a store is told what to call at finish by a function field"},
		"store/s3/bucket":            {nil, []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."}, "the AWS SDK stays in here"},
		"store/s3/spool":             {nil, []string{sys}, "temporary files know no uploads"},
		"store/s3/outbox":            {[]string{"hooks", "store", "store/s3/bucket"}, []string{tusd}, "it keeps entries in a bucket; the store tells it what is finished"},
		"store/s3/s3test":            {nil, nil, "it knows S3 as any client sees it, by HTTP"},
		"store/storetest":            {[]string{"store", "store/memorylock"}, []string{tusd}, "the contract suite is given its store by a constructor"},
		"profiling":                  {nil, []string{"github.com/felixge/fgprof", "github.com/google/pprof/..."}, "it looks at the process, not at uploads"},
		"web":                        {nil, nil, "pages only"},
		"e2e":                        {nil, nil, "it sees the binary from outside"},
	}
}

// Tests may import what they need; the programs may not.
func TestImports(t *testing.T) {
	table := rooms()
	for _, system := range []string{"linux", "darwin"} {
		for _, p := range packages(t, system) {
			name := strings.TrimPrefix(p.ImportPath, "plateau/")
			if p.ImportPath == "plateau" {
				continue // this test
			}
			r, known := table[name]
			if !known {
				t.Errorf("package %s is not in the table of the house: add it there and to the README's folder map", name)
				continue
			}
			for _, path := range p.Imports {
				own, isOurs := strings.CutPrefix(path, "plateau/")
				isOutside := !isOurs && strings.Contains(strings.Split(path, "/")[0], ".")
				if isOurs && !allowed(own, r.ours) || isOutside && !allowed(path, r.outside) {
					t.Errorf("%s: package %s must not import %s: %s", system, name, path, r.why)
				}
			}
		}
	}
}

// Whatever the Kafka client does, one file has to be looked at; tests are free.
func TestKafkaStaysInOneFile(t *testing.T) {
	var users []string
	for _, p := range packages(t, runtime.GOOS) {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				if strings.HasPrefix(strings.Trim(i.Path.Value, `"`), "github.com/segmentio/kafka-go") {
					users = append(users, strings.TrimPrefix(p.ImportPath, "plateau/")+"/"+name)
					break
				}
			}
		}
	}
	if !slices.Equal(users, []string{"hooks/kafka.go"}) {
		t.Errorf("kafka-go is imported by %v, not by hooks/kafka.go alone", users)
	}
}

// OTLP's own Go packages bring gRPC in, a fifth of the binary, which nothing here speaks.
func TestNoGRPC(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/plateau").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.Lines(string(out)) {
		if strings.HasPrefix(path, "google.golang.org/grpc") {
			t.Errorf("the program has %s in it", strings.TrimSpace(path))
		}
	}
}

// The README's folder map names every room.
func TestFolderMap(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range rooms() {
		if !bytes.Contains(readme, []byte("`"+name+"/`")) {
			t.Errorf("README.md's folder map has no line for %s/", name)
		}
	}
}

// What the README and CONTRIBUTING link to in this repository is there.
func TestLinks(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllSubmatch(text, -1) {
			if _, err := os.Stat(string(link[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, link[1], err)
			}
		}
	}
}

func allowed(path string, list []string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		if prefix, below := strings.CutSuffix(entry, "/..."); below {
			return path == prefix || strings.HasPrefix(path, prefix+"/")
		}
		return path == entry
	})
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

// packages lists ours as they are built for an operating system.
func packages(t *testing.T, system string) []listed {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...")
	list.Env = append(os.Environ(), "GOOS="+system)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// Every package says what it promises, in exactly one doc comment.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t, runtime.GOOS) {
		docs := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				docs++
			}
		}
		if docs != 1 && len(p.GoFiles) > 0 {
			t.Errorf("package %s has %d doc comments, want 1", p.ImportPath, docs)
		}
	}
}

// A file has one subject: past 300 lines it has two.
func TestFileLengths(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !slices.Contains([]string{".go", ".ts", ".css", ".mjs"}, filepath.Ext(path)) || strings.HasPrefix(path, "web/dist/") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bytes.Count(text, []byte("\n"))
		if lines > 300 {
			t.Errorf("%s has %d lines, more than 300", path, lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
