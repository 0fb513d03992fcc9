package plateau_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What of tusd's own errors never reaches a client, and why.
func unheard() map[string]string {
	return map[string]string{
		"ERR_LOCK_TIMEOUT":                "the locker gives its own answer first",
		"ERR_NOT_IMPLEMENTED":             "every store has all of tusd's extensions",
		"ERR_CONCATENATION_UNSUPPORTED":   "every store joins parts",
		"ERR_UPLOAD_STOPPED":              "tusd's hooks are not used",
		"ERR_UPLOAD_REJECTED":             "tusd's hooks are not used",
		"ERR_UPLOAD_TERMINATION_REJECTED": "tusd's hooks are not used",
		"ERR_UPLOAD_INTERRUPTED":          "tusd is never asked to let go of a lock",
		"ERR_ORIGIN_NOT_ALLOWED":          "tusd's CORS is not used",
		"ERR_READ_TIMEOUT":                "the server's own reader says why a body ended",
		"ERR_CONNECTION_RESET":            "the server's own reader says why a body ended",
	}
}

// docs/ERRORS.md has each code that a client may hear, with each status that it is made with.
func TestErrorCodes(t *testing.T) {
	text, err := os.ReadFile("docs/ERRORS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // the statuses of each code
	for _, row := range regexp.MustCompile("(?m)^\\| `(ERR_[A-Z_]+)` \\| ([0-9, ]+) \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		if rows[row[1]] != "" {
			t.Errorf("%s has two rows", row[1])
		}
		rows[row[1]] = row[2]
	}
	if lines := strings.Count(string(text), "\n| `ERR_"); lines != len(rows) {
		t.Errorf("%d of %d rows can be read", len(rows), lines)
	}
	codes := errorCodes(t, "server", "store", filepath.Join(goCommand(t, "list", "-m", "-f", "{{.Dir}}", "github.com/tus/tusd/v2"), "pkg/handler/unrouted_handler.go"))
	for code, statuses := range codes {
		row, known := rows[code]
		switch _, silent := unheard()[code]; {
		case silent && known:
			t.Errorf("%s has a row, but no client hears it: %s", code, unheard()[code])
		case !silent && !known:
			t.Errorf("%s (%v) has no row in docs/ERRORS.md", code, statuses)
		}
		for _, status := range statuses {
			// tusd answers a wrong type with 400 where the server, which looks first, says 415.
			if known && !strings.Contains(row, status) && code+status != "ERR_INVALID_CONTENT_TYPE400" {
				t.Errorf("%s is made with %s, but its row has %s", code, status, row)
			}
		}
	}
	for code := range rows {
		if _, known := codes[code]; !known {
			t.Errorf("%s has a row in docs/ERRORS.md, but nothing makes it", code)
		}
	}
}

// errorCodes finds the codes in Go files, in folders too, with the statuses that stand beside them in a call.
func errorCodes(t *testing.T, roots ...string) map[string][]string {
	t.Helper()
	statuses := statusNames(t)
	codes := map[string][]string{}
	literal := regexp.MustCompile(`^"ERR_[A-Z_]+"$`)
	inspect := func(node ast.Node) bool {
		if l, ok := node.(*ast.BasicLit); ok && literal.MatchString(l.Value) {
			code := strings.Trim(l.Value, `"`)
			codes[code] = append([]string{}, codes[code]...)
		}
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		code, ok := call.Args[0].(*ast.BasicLit)
		status, named := call.Args[2].(*ast.SelectorExpr)
		if ok && named && literal.MatchString(code.Value) && statuses[status.Sel.Name] != "" {
			name := strings.Trim(code.Value, `"`)
			codes[name] = append(codes[name], statuses[status.Sel.Name])
		}
		return true
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err == nil && f.Name.Name != "storetest" && f.Name.Name != "s3test" {
				ast.Inspect(f, inspect)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// statusNames reads net/http's own names of statuses.
func statusNames(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(goCommand(t, "env", "GOROOT"), "src/net/http/status.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	ast.Inspect(f, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok {
				names[spec.Names[0].Name] = value.Value
			}
		}
		return true
	})
	return names
}

// goCommand is what the go command prints.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
