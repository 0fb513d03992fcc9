package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestReadmeForm runs the README's form with curl as it stands, save for the address.
func TestReadmeForm(t *testing.T) { sendsForm(t, onDisk) }

func sendsForm(t *testing.T, start starter) {
	t.Helper()
	needTool(t, "bash", "bash")
	needTool(t, "curl", "curl")
	ctx := bounded(t)
	server := start(ctx, t)
	script := strings.ReplaceAll(readmeBlock(t, "bash", "form"), readmeAddress, server.addr)
	run := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	run.Dir = t.TempDir()
	said, err := run.Output()
	if err != nil {
		t.Fatalf("the example failed: %v\n%s", err, said)
	}
	_, list, _ := strings.Cut(string(said), "\r\n\r\n")
	var files []struct {
		ID, Name, URL string
		Size          int64
	}
	if err := json.Unmarshal([]byte(list), &files); err != nil || len(files) != 2 || !strings.HasPrefix(string(said), "HTTP/1.1 201 ") {
		t.Fatalf("%v: the answer is\n%s", err, said)
	}
	var ids []string
	for i, want := range []struct{ name, field, text string }{{"hello.txt", "", "hello world"}, {"more.txt", "cv", "more"}} {
		f := files[i]
		r := recordOf(t, server.backend(), f.ID)
		if f.Name != want.name || f.Size != int64(len(want.text)) || r.MetaData["filename"] != want.name || r.MetaData["field"] != want.field ||
			r.MetaData["author"] != "Ada" || !server.backend().sealed(f.ID) {
			t.Errorf("%+v with the record %+v", f, r)
		}
		if a := newTus(ctx, server.files).get(f.URL); a.body != want.text {
			t.Errorf("%s holds %q", f.Name, a.body)
		}
		ids = append(ids, f.ID)
	}
	server.awaitDelivered(ctx, t, ids)
}

// TestFormsOfClients sends names that make trouble by clients that write them in ways of their own.
func TestFormsOfClients(t *testing.T) {
	node := needNode(t)
	needTool(t, "curl", "curl")
	ctx := bounded(t)
	server := startPlateau(ctx, t, t.TempDir())
	names := []string{"plain.txt", "two words.txt", "Ünï ☃.txt", `quote".txt`, "semi;colon=.txt", "100%.txt"}
	for _, name := range names {
		script := `const form = new FormData()
			form.append('file', new Blob(['node']), process.argv[1])
			const answer = await fetch(process.argv[2], { method: 'POST', body: form })
			process.stdout.write(await answer.text())`
		for client, command := range map[string]*exec.Cmd{
			"node": exec.CommandContext(ctx, node, "--input-type=module", "-e", script, name, "http://"+server.addr+"/upload"),
			"curl": exec.CommandContext(ctx, "curl", "-s", "http://"+server.addr+"/upload", "-F", `file=@-;filename="`+strings.ReplaceAll(name, `"`, `\"`)+`"`),
		} {
			if client == "curl" {
				command.Stdin = strings.NewReader("curl")
			}
			said, err := command.Output()
			var files []struct{ ID, Name string }
			if err != nil || json.Unmarshal(said, &files) != nil || len(files) != 1 {
				t.Errorf("%s, %s: %v, %s", client, name, err, said)
				continue
			}
			if r := recordOf(t, server.backend(), files[0].ID); files[0].Name != name || r.MetaData["filename"] != name {
				t.Errorf("%s sent %q, and the answer says %q", client, name, files[0].Name)
			}
		}
	}
}

func recordOf(t *testing.T, b backend, id string) record {
	t.Helper()
	for _, r := range b.records(t) {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("no record of %s", id)
	return record{}
}
