package e2e

import (
	"context"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestSyncs looks at the system calls of the server while uploads are finished in every way there is: before the client
// hears of success, the data, the record, the names and the event are on stable storage, in an order that a power cut at
// any moment can't hurt. With --durability none the order is the same, and nothing is brought to the disk.
func TestSyncs(t *testing.T) {
	needStrace(t)
	for _, durability := range []string{"finish", "none"} {
		t.Run(durability, func(t *testing.T) {
			t.Parallel()
			ctx := bounded(t)
			server := startPlateau(ctx, t, t.TempDir(), "--durability", durability, "--journal-size", "0")
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					tr := &trace{t: t, server: server, client: newTus(ctx, server.files), durable: durability == "finish"}
					w.run(ctx, tr)
					if !tr.durable {
						tr.wantNone(`^\w*sync\w*\(|O_D?SYNC`)
					}
					if t.Failed() {
						t.Logf("the calls:\n%s", tr)
					}
				})
			}
		})
	}
}

// TestSyncsOfTheJournal looks at small uploads, which go through the journal: it is on stable storage before the event is made, and
// nothing else is waited for.
func TestSyncsOfTheJournal(t *testing.T) {
	needStrace(t)
	ctx := bounded(t)
	server := startPlateau(ctx, t, t.TempDir())
	server.awaitJournal(ctx, t)
	const appended, synced = `^pwrite64\(<journal/\d>.*ETRY`, `^fdatasync\(<journal/\d>\) = 0`
	address := newTus(ctx, server.files).mustCreate(t, 5, nil)
	for name, run := range map[string]func(tr *trace) ids{
		"creation with upload": func(tr *trace) ids { return ids{"ID": tr.withBody("all of it", nil)} },
		"one PATCH": func(tr *trace) ids {
			tr.client.mustPatch(tr.t, address, 0, []byte("abcde"))
			return ids{"ID": address}
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &trace{t: t, server: server, client: newTus(ctx, server.files), durable: true}
			tr.during(ctx, func() ids { return run(tr) })
			tr.wantBefore(dataOf("ID"), appended)
			tr.wantBefore(appended, synced)
			tr.wantBefore(synced, eventOf("ID"), sealOf("ID"), answers)
			tr.wantNone(`^f(data)?sync\(<(ID|uploads|outbox)`)
			if t.Failed() {
				t.Logf("the calls:\n%s", tr)
			}
		})
	}
}

// ways are the ways in which an upload can be finished, and what each must do in which order.
var ways = []struct {
	name string
	run  func(ctx context.Context, tr *trace)
}{
	{"creation with upload", func(ctx context.Context, tr *trace) {
		tr.during(ctx, func() ids { return ids{"ID": tr.withBody("all of it", nil)} })
		tr.wantBefore(dataOf("ID"), eventOf("ID"))
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
	}},
	{"the last PATCH", func(ctx context.Context, tr *trace) {
		address := tr.client.mustCreate(tr.t, 5, nil)
		tr.client.mustPatch(tr.t, address, 0, []byte("abc"))
		tr.during(ctx, func() ids {
			tr.client.mustPatch(tr.t, address, 3, []byte("de"))
			return ids{"ID": address}
		})
		tr.wantBefore(dataOf("ID"), eventOf("ID"))
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
	}},
	{"an empty upload", func(ctx context.Context, tr *trace) {
		tr.during(ctx, func() ids { return ids{"ID": tr.client.mustCreate(tr.t, 0, nil)} })
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
	}},
	{"a part", func(ctx context.Context, tr *trace) {
		tr.during(ctx, func() ids { return ids{"ID": tr.withBody("all of it", headers{"Upload-Concat": "partial"})} })
		tr.wantFinished("ID", sealOf("ID"), answers)
		tr.wantNone(eventOf("ID"))
	}},
	{"a length declared", func(ctx context.Context, tr *trace) {
		address := tr.client.mustCreate(tr.t, -1, nil)
		tr.during(ctx, func() ids { return tr.declare(address, 0, "abc") })
		tr.wantReplaced("ID")
		tr.wantBefore(replaced("ID"), dataOf("ID"), answers)
	}},
	{"a length declared with the last byte", func(ctx context.Context, tr *trace) {
		address := tr.client.mustCreate(tr.t, -1, nil)
		tr.client.mustPatch(tr.t, address, 0, []byte("ab"))
		tr.during(ctx, func() ids { return tr.declare(address, 2, "cde") })
		tr.wantReplaced("ID")
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
	}},
	{"a HEAD after the seal was lost", func(ctx context.Context, tr *trace) {
		address := tr.withBody("all of it", nil)
		if err := os.Chmod(filepath.Join(tr.server.uploads(), idOf(address)), 0o644); err != nil {
			tr.t.Fatal(err)
		}
		tr.during(ctx, func() ids {
			tr.client.mustHead(tr.t, address, 9)
			return ids{"ID": address}
		})
		if tr.durable { // an fsync may know nothing of an earlier one that failed, so the record is written anew
			tr.wantReplaced("ID")
		}
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
	}},
	{"a concatenation", func(ctx context.Context, tr *trace) {
		partial := headers{"Upload-Concat": "partial"}
		one, two := tr.withBody("one", partial), tr.withBody("two", partial)
		tr.during(ctx, func() ids {
			a := tr.client.do(http.MethodPost, tr.client.files, headers{"Upload-Concat": "final;" + one + " " + two}, nil)
			if a.status != http.StatusCreated {
				tr.t.Fatalf("final POST: %v", a)
			}
			return ids{"ID": a.header.Get("Location"), "ONE": one, "TWO": two}
		})
		tr.wantBefore(dataOf("ID"), eventOf("ID"))
		tr.wantFinished("ID", eventOf("ID"), sealOf("ID"), answers)
		for _, part := range []string{"ONE", "TWO"} {
			// Once its bytes are gone, nothing but the part's record says that they weren't lost.
			tr.wantReplaced(part)
			tr.wantSynced(replaced(part), folderSync, `^unlink(at)?\(.*"`+part+`"`)
			tr.wantBefore(replaced(part), sealOf("ID"), `^unlink(at)?\(.*"`+part+`"`)
		}
	}},
}

// What the calls look like, with names in place of ids and without the numbers of descriptors.
const (
	answers    = `^write\(<[^>]*>, "HTTP/1\.1 2`
	folderSync = `^fsync\(<uploads>\) = 0`
	folderMade = `^mkdirat\(<outbox/pending>`
)

func dataOf(id string) string {
	return `^(p?writev?2?(64)?|sendfile|ftruncate|fallocate)\(<` + id + `>|^copy_file_range\(<\w+>, \w+, <` + id + `>`
}
func eventOf(id string) string { return `^linkat\(.*"` + id + `\.info".*Z-` + id + `", 0\) = 0` }
func sealOf(id string) string  { return `^fchmod\(<` + id + `>, 0[145]{3}\) = 0` }
func replaced(id string) string {
	return `^renameat2?\(.*"` + id + `\.info\.tmp".*"` + id + `\.info"\) = 0`
}

// ids are the names by which a way calls its uploads, and their addresses.
type ids map[string]string

// trace is what the server did during some requests.
type trace struct {
	t       *testing.T
	server  *plateau
	client  *tus
	durable bool
	calls   []traced
}

// traced is one system call, with the lines of strace's output on which it begins and ends: calls of two threads that
// overlap have no order.
type traced struct {
	text       string
	begin, end int
}

// withBody makes an upload and sends all its bytes with the creation.
func (tr *trace) withBody(body string, h headers) (address string) {
	tr.t.Helper()
	all := headers{"Content-Type": "application/offset+octet-stream", "Upload-Length": strconv.Itoa(len(body))}
	for name, value := range h {
		all[name] = value
	}
	a := tr.client.do(http.MethodPost, tr.client.files, all, []byte(body))
	if a.status != http.StatusCreated || a.offset() != int64(len(body)) {
		tr.t.Fatalf("POST: %v with offset %d", a, a.offset())
	}
	return a.header.Get("Location")
}

// declare sends a body with the length of the upload, which is 5.
func (tr *trace) declare(address string, offset int64, body string) ids {
	tr.t.Helper()
	if a := tr.client.patch(address, offset, []byte(body), headers{"Upload-Length": "5"}); a.status != http.StatusNoContent {
		tr.t.Fatalf("PATCH: %v", a)
	}
	return ids{"ID": address}
}

// during keeps the calls that the server makes while requests runs.
func (tr *trace) during(ctx context.Context, requests func() ids) {
	tr.t.Helper()
	strace := attach(ctx, tr.t, &tr.server.process, "-s", "512", "-e", "trace=%desc,%file,?sync,?syncfs,?msync")
	named := requests()
	strace.detach(tr.t, tr.server.data)
	text, err := os.ReadFile(strace.out)
	if err != nil {
		tr.t.Fatal(err)
	}
	short := []string{tr.server.uploads() + "/", "", tr.server.data + "/", ""}
	for name, address := range named {
		short = append(short, idOf(address), name)
	}
	replacer := strings.NewReplacer(append(short, " <unfinished ...>", "", " <detached ...>", "")...)
	descriptor, space := regexp.MustCompile(`\b\d+<`), regexp.MustCompile(` *\) += `)
	running := map[string]int{} // by thread: its call that has not ended
	for i, line := range strings.Split(string(text), "\n") {
		thread, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = descriptor.ReplaceAllString(replacer.Replace(strings.TrimSpace(rest)), "<")
		if _, end, resumed := strings.Cut(rest, " resumed>"); resumed && strings.HasPrefix(rest, "<... ") {
			if at, seen := running[thread]; seen {
				tr.calls[at].text, tr.calls[at].end = space.ReplaceAllString(tr.calls[at].text+end, ") = "), i
			}
			continue
		}
		call := traced{text: space.ReplaceAllString(rest, ") = "), begin: i, end: i}
		if !strings.Contains(call.text, ") = ") {
			running[thread], call.end = len(tr.calls), math.MaxInt
		}
		tr.calls = append(tr.calls, call)
	}
}

// matching returns the calls that match.
func (tr *trace) matching(pattern string) []traced {
	expression := regexp.MustCompile(pattern)
	var list []traced
	for _, c := range tr.calls {
		if expression.MatchString(c.text) {
			list = append(list, c)
		}
	}
	return list
}
