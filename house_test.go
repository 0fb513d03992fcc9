// Package plateau_test holds the rules of the house: who may import whom, and
// what every package owes its reader.
package plateau_test

import (
	"bufio"
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
	)
	return map[string]room{
		"cmd/plateau":      {[]string{"config", "server", "client"}, nil, "main translates, nothing else"},
		"config":           {nil, []string{"github.com/goccy/go-yaml/..."}, "only the server knows the configuration; one library"},
		"server":           {[]string{"config", "hooks", "store/...", "profiling", "web"}, []string{"github.com/labstack/echo/v5/...", tusd, expslog, promtusd, "github.com/prometheus/client_golang/..."}, "Echo stays in here"},
		"store":            {nil, []string{tusd}, "what a store must know of a request comes through the context"},
		"store/memorylock": {[]string{"store"}, []string{tusd}, "a lock knows no store"},
		"store/disk":       {[]string{"store"}, []string{tusd, sys}, "a store is told what to call at finish by a function field"},
		"store/storetest":  {[]string{"store", "store/memorylock"}, []string{tusd}, "the contract suite is given its store by a constructor"},
		"profiling":        {nil, []string{"github.com/felixge/fgprof", "github.com/google/pprof/..."}, "it looks at the process, not at uploads"},
		"web":              {nil, nil, "pages only"},
		"e2e":              {nil, nil, "it sees the binary from outside"},
	}
}

func TestImports(t *testing.T) {
	table := rooms()
	for _, p := range packages(t) {
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
			outside := strings.Contains(strings.Split(path, "/")[0], ".")
			switch {
			case isOurs && !allowed(own, r.ours), outside && !isOurs && !allowed(path, r.outside):
				t.Errorf("package %s must not import %s: %s", name, path, r.why)
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

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...").Output()
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
	for _, p := range packages(t) {
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
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := 0
		for s := bufio.NewScanner(f); s.Scan(); {
			lines++
		}
		if lines > 300 {
			t.Errorf("%s has %d lines, more than 300", path, lines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
