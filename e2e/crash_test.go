package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKilledWhileFinishing kills the server with -9 at each system call of a finish, of a PATCH with the last byte and of
// the POST that joins two parts, and starts it again. What heard a success is sealed with its bytes; all else is finished by
// the sweep or by the client's next request, or can be gone on with from where it was. A final that is posted again has the
// same id.
func TestKilledWhileFinishing(t *testing.T) {
	needStrace(t)
	for name, points := range map[string][]point{"patch": patchPoints, "final": finalPoints} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, sweeps := range []bool{false, true} {
				c := &crash{t: t, ctx: bounded(t), sweeps: sweeps, content: make([]byte, faultSize)}
				random := seeded(t)
				for i := range c.content {
					c.content[i] = byte(random.Uint32())
				}
				c.server = startPlateau(c.ctx, t, t.TempDir())
				for _, p := range points {
					c.at(name, p)
				}
			}
		})
	}
}

// point is a system call at which the server is killed, before the call does anything.
type point struct {
	call string
	// on says what the call is about: see crash.path. Empty: whatever the first such call is about.
	on string
	// nth such call of its thread; with spread, the nth to the (nth+spread)th are tried until it is the right one.
	nth, spread int
	// text is in the call as strace writes it, ID standing for the upload or first part.
	text string
}

func (p point) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", p.call, p.on, p.text))
}

var patchPoints = []point{
	{call: "pwrite64", on: "data", nth: 1},
	{call: "fdatasync", on: "data", nth: 1},
	{call: "fsync", on: "record", nth: 1},
	{call: "fsync", on: "folder", nth: 1},
	{call: "write", on: "log", nth: 1, text: "upload finished"},
	{call: "fchmod", on: "data", nth: 1},
	{call: "close", on: "data", nth: 1}, // sealed, but nobody has heard so
}

var finalPoints = []point{
	{call: "copy_file_range", on: "data", nth: 1},
	{call: "copy_file_range", on: "second part", nth: 1},
	{call: "fdatasync", nth: 1},
	{call: "fsync", nth: 1, text: ".info>"},
	{call: "fsync", on: "folder", nth: 1},
	{call: "write", on: "log", nth: 1, text: "upload finished"},
	{call: "fsync", on: "new record", nth: 1},
	{call: "renameat", on: "folder", nth: 1, text: "ID.info"},
	{call: "fsync", on: "new record of the second part", nth: 1},
	{call: "fchmod", nth: 1},
	{call: "unlinkat", on: "folder", nth: 3, spread: 4, text: `"ID", 0`}, // sealed, and the first part's bytes are to go
}

// crash is the run of one operation through all points.
type crash struct {
	t       *testing.T
	ctx     context.Context
	server  *plateau
	content []byte
	sweeps  bool // the client waits after the restart until the sweep has been there
}

// at kills the server at one point, as often as it takes to hit it, and judges what is there after each restart.
func (c *crash) at(name string, p point) {
	c.t.Helper()
	for try := range 60 { // of which few are needed, unless the thread of the nth call is hard to meet
		client := newTus(c.ctx, c.server.files)
		var hit bool
		if name == "patch" {
			hit = c.patch(client, p, try)
		} else {
			hit = c.final(client, p, try)
		}
		if c.t.Failed() {
			c.t.Fatalf("killed at %s; does the client wait for the sweep: %v", p, c.sweeps)
		}
		if hit {
			return
		}
	}
	c.t.Errorf("the server was never killed at %s", p)
}

// patch kills the server while the last bytes of an upload are sent and finished.
func (c *crash) patch(client *tus, p point, try int) (hit bool) {
	const acknowledged = faultSize - 1000
	address := client.mustCreate(c.t, faultSize, nil)
	client.mustPatch(c.t, address, 0, c.content[:acknowledged])
	id := idOf(address)
	a, hit := c.kill(p, try, id, "", func() answer {
		return client.patch(address, acknowledged, c.content[acknowledged:], nil)
	})
	kept := dataSize(c.server.uploads(), id)
	c.wantIfHeard(a, id)
	if kept < acknowledged {
		c.t.Errorf("%d bytes are left, %d had been acknowledged", kept, acknowledged)
	}
	c.server.start(c.ctx, c.t)
	if c.sweeps && kept == faultSize {
		await(c.ctx, c.t, "the sweep has sealed the upload", func() bool { return sealed(c.server.uploads(), id) })
	}
	if offset := c.resume(client, address); offset != kept {
		c.t.Errorf("HEAD says offset %d, the file had %d bytes", offset, kept)
	} else if offset < faultSize {
		client.mustPatch(c.t, address, offset, c.content[offset:])
	} else if !sealed(c.server.uploads(), id) {
		c.t.Error("HEAD says that all is there before the upload is sealed")
	}
	client.mustHead(c.t, address, faultSize)
	c.wantFinished(client, address)
	return hit
}

// final kills the server while two parts are joined.
func (c *crash) final(client *tus, p point, try int) (hit bool) {
	parts := twoParts(c.t, client, c.content)
	first, second, _ := strings.Cut(parts, " ")
	post := func() answer {
		return client.do(http.MethodPost, client.files, headers{"Upload-Concat": "final;" + parts}, nil)
	}
	known := c.finals("")
	a, hit := c.kill(p, try, idOf(first), idOf(second), post)
	made := c.finals(parts)
	if a.err == nil {
		c.wantIfHeard(a, idOf(a.header.Get("Location")))
	}
	if len(made) > 1 {
		c.t.Errorf("one POST has made %v", made)
	}
	c.server.start(c.ctx, c.t)
	if c.sweeps {
		for _, id := range made {
			await(c.ctx, c.t, "the sweep has sealed or removed the final upload", func() bool {
				return sealed(c.server.uploads(), id) || len(c.finals(parts)) == 0
			})
		}
	}
	for part, size := range map[string]int64{first: partSize, second: faultSize - partSize} {
		if offset := c.resume(client, part); offset != size {
			c.t.Errorf("HEAD of a part says offset %d, want %d", offset, size)
		}
	}
	again := post()
	if again.status != http.StatusCreated {
		c.t.Errorf("the final posted again: %v", again)
		return hit
	}
	address := again.header.Get("Location")
	if len(made) > 0 && made[0] != idOf(address) {
		c.t.Errorf("the final was %s, and posted again it is %s", made[0], address)
	}
	if third := post(); third.status != http.StatusCreated || third.header.Get("Location") != address {
		c.t.Errorf("the final posted a third time: %v at %s, want 201 at %s", third, third.header.Get("Location"), address)
	}
	c.wantFinished(client, address)
	if now := c.finals(""); len(now) != len(known)+1 {
		c.t.Errorf("%d finals in the folder, there were %d before", len(now), len(known))
	}
	await(c.ctx, c.t, "the parts' bytes are gone", func() bool {
		return dataSize(c.server.uploads(), idOf(first)) < 0 && dataSize(c.server.uploads(), idOf(second)) < 0
	})
	return hit
}

// kill sends a request to a server that dies at the point, and says whether it did so there.
func (c *crash) kill(p point, try int, id, second string, request func() answer) (a answer, hit bool) {
	c.t.Helper()
	args := []string{"-s", "200", "-e", "trace=" + p.call}
	if p.on != "" {
		args = append(args, "-P", c.path(p.on, id, second))
	}
	nth := p.nth
	if p.spread > 0 {
		nth += try % p.spread
	}
	tracer := attach(c.ctx, c.t, &c.server.process, append(args, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", p.call, nth))...)
	a = request()
	died := a.err != nil
	if died {
		<-c.server.exited
	}
	text, _ := tracer.end(c.t)
	c.server.kill()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, p.call+"(") && strings.HasSuffix(line, "= ?") {
			hit = strings.Contains(line, strings.ReplaceAll(p.text, "ID", id))
		}
	}
	return a, died && hit
}

// path is what strace is to look at.
func (c *crash) path(on, id, second string) string {
	c.t.Helper()
	folder := c.server.uploads()
	switch on {
	case "data":
		return filepath.Join(folder, id)
	case "record":
		return filepath.Join(folder, id+".info")
	case "new record":
		return filepath.Join(folder, id+".info.tmp")
	case "second part":
		return filepath.Join(folder, second)
	case "new record of the second part":
		return filepath.Join(folder, second+".info.tmp")
	case "folder":
		return folder
	case "log":
		pipe, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/2", c.server.cmd.Process.Pid))
		if err != nil {
			c.t.Fatal(err)
		}
		return pipe
	}
	c.t.Fatalf("no such path: %s", on)
	return ""
}

// wantIfHeard wants an upload to be sealed, with the server gone, if the client has heard a success.
func (c *crash) wantIfHeard(a answer, id string) {
	c.t.Helper()
	if a.err != nil || a.status/100 != 2 {
		return
	}
	got, err := os.ReadFile(filepath.Join(c.server.uploads(), id))
	if err != nil || string(got) != string(c.content) || !sealed(c.server.uploads(), id) {
		c.t.Errorf("%v was heard; the upload has %d bytes, error %v, sealed: %v", a, len(got), err, sealed(c.server.uploads(), id))
	}
}

// resume asks for the offset as clients do: while the upload is being finished, again.
func (c *crash) resume(client *tus, address string) int64 {
	c.t.Helper()
	var head answer
	await(c.ctx, c.t, "HEAD says the offset", func() bool {
		head = client.head(address)
		return head.status != http.StatusLocked
	})
	if head.status != http.StatusOK {
		c.t.Errorf("HEAD: %v", head)
	}
	return head.offset()
}

// wantFinished wants an upload to be sealed with its bytes, and its event to have been written.
func (c *crash) wantFinished(client *tus, address string) {
	c.t.Helper()
	client.mustGet(c.t, address, c.content)
	if !sealed(c.server.uploads(), idOf(address)) {
		c.t.Error("the upload is served but not sealed")
	}
	if c.server.events()[idOf(address)] == 0 {
		c.t.Error("the upload is sealed, but no finished event was written")
	}
}

// finals lists the final uploads in the folder that join these parts; without parts, all.
func (c *crash) finals(parts string) (ids []string) {
	c.t.Helper()
	for _, r := range records(c.t, c.server.uploads()) {
		if r.IsFinal && (parts == "" || slices.ContainsFunc(r.PartialUploads, func(id string) bool { return strings.Contains(parts, id) })) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
