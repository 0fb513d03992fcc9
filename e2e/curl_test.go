package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readmeAddress is where the README's examples expect the server.
const readmeAddress = "127.0.0.1:8080"

// TestCurl runs the README's example with curl as it stands, save for the address.
func TestCurl(t *testing.T) { curls(t, onDisk) }

func curls(t *testing.T, start starter) {
	t.Helper()
	needTool(t, "bash", "bash")
	needTool(t, "curl", "curl")
	ctx := bounded(t)
	server := start(ctx, t)
	script := strings.ReplaceAll(readmeBlock(t, "bash", "curl"), readmeAddress, server.addr)
	run := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	run.Dir = t.TempDir()
	said, err := run.Output()
	if err != nil {
		t.Fatalf("the example failed: %v\n%s", err, said)
	}
	for _, want := range []string{"Upload-Offset: 6\r\n", "Upload-Offset: 11\r\n"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("the example doesn't show %q", want)
		}
	}
	if !strings.HasSuffix(string(said), "hello world") || t.Failed() {
		t.Errorf("the example ends with something other than the file:\n%s", said)
	}
	b := server.backend()
	all := b.records(t)
	if len(all) != 1 || all[0].MetaData["filename"] != "hello.txt" || !b.sealed(all[0].ID) {
		t.Errorf("there is %+v, want one sealed upload called hello.txt", all)
	}
}

// TestBlocks is for readmeBlock's own rules.
func TestBlocks(t *testing.T) {
	text := "<!-- run: one -->\n```sh\necho a\n\necho b\n```\n<!-- run: two -->\n\n```go\nx\n```\n"
	for name, c := range map[string]struct{ lang, name, want, wrong string }{
		"found":             {"sh", "one", "echo a\n\necho b\n", ""},
		"after a line":      {"go", "two", "x\n", ""},
		"absent":            {"sh", "three", "", "no <!-- run: three -->"},
		"another language":  {"js", "two", "", "is no block of js"},
		"part of its name":  {"sh", "on", "", "no <!-- run: on -->"},
		"one of the others": {"go", "one", "", "is no block of go"},
	} {
		got, wrong := block(text, c.lang, c.name)
		if got != c.want || !strings.Contains(wrong, c.wrong) || c.wrong == "" && wrong != "" {
			t.Errorf("%s: %q, %q", name, got, wrong)
		}
	}
}

// readmeBlock returns a block of the README: the fenced one in this language that follows the line "<!-- run: NAME -->".
// PLATEAU_E2E_README names another file, to try a draft.
func readmeBlock(t *testing.T, lang, name string) string {
	t.Helper()
	path := filepath.Join("..", "README.md")
	if draft := os.Getenv("PLATEAU_E2E_README"); draft != "" {
		path = draft
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, wrong := block(string(text), lang, name)
	if wrong != "" {
		t.Fatalf("%s: %s", path, wrong)
	}
	return found
}

// block finds a block, or says why it can't.
func block(text, lang, name string) (found, wrong string) {
	marker := "<!-- run: " + name + " -->"
	_, after, marked := strings.Cut(text, marker)
	if !marked {
		return "", "there is no " + marker
	}
	rest, opened := strings.CutPrefix(strings.TrimLeft(after, "\n"), "```"+lang+"\n")
	if !opened {
		return "", "what follows " + marker + " is no block of " + lang
	}
	found, _, closed := strings.Cut(rest, "\n```")
	if !closed {
		return "", "the block after " + marker + " has no end"
	}
	return found + "\n", ""
}

// needTool finds a program, which for somebody who isn't root may lie outside the PATH, or skips the test.
func needTool(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, candidate := range []string{name, filepath.Join("/usr/sbin", name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	missing(t, name, "apt-get install -y "+pkg)
	return ""
}
