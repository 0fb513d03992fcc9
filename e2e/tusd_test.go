package e2e

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
)

// halfway is a set of uploads of which one server has written a part and another is to finish the rest.
type halfway struct {
	content  []byte
	plain    string // half sent
	deferred string // half sent, its length not declared
	finished string // all sent
	parts    [2]string
}

const halfwaySize = 300_000

// begin makes the uploads on the first server: of the parts the first is whole, the second half sent.
func begin(t *testing.T, random *rand.Rand, c *tus) halfway {
	t.Helper()
	h := halfway{content: make([]byte, halfwaySize)}
	for i := range h.content {
		h.content[i] = byte(random.Uint32())
	}
	half := h.content[:halfwaySize/2]
	partial := headers{"Upload-Concat": "partial"}
	h.plain = c.mustCreate(t, halfwaySize, nil)
	c.mustPatch(t, h.plain, 0, half)
	h.deferred = c.mustCreate(t, -1, nil)
	c.mustPatch(t, h.deferred, 0, half)
	h.finished = c.mustCreate(t, halfwaySize, nil)
	c.mustPatch(t, h.finished, 0, half)
	c.mustPatch(t, h.finished, int64(len(half)), h.content[len(half):])
	h.parts[0] = c.mustCreate(t, halfwaySize, partial)
	c.mustPatch(t, h.parts[0], 0, h.content)
	h.parts[1] = c.mustCreate(t, halfwaySize, partial)
	c.mustPatch(t, h.parts[1], 0, half)
	return h
}

// end finishes all of them on the second server and returns the address of the final upload that joins the parts.
func (h halfway) end(t *testing.T, c *tus) string {
	t.Helper()
	const half = halfwaySize / 2
	rest := h.content[half:]
	c.mustHead(t, h.plain, half)
	c.mustPatch(t, h.plain, half, rest)
	c.mustGet(t, h.plain, h.content)

	if a := c.head(h.deferred); a.header.Get("Upload-Defer-Length") != "1" || a.offset() != half {
		t.Errorf("HEAD of the upload of unknown length: %v, headers %v", a, a.header)
	}
	if a := c.patch(h.deferred, half, rest, headers{"Upload-Length": "300000"}); a.status != http.StatusNoContent {
		t.Errorf("PATCH that declares the length: %v", a)
	}
	c.mustGet(t, h.deferred, h.content)

	c.mustHead(t, h.finished, halfwaySize)
	c.mustGet(t, h.finished, h.content)

	c.mustHead(t, h.parts[0], halfwaySize)
	c.mustHead(t, h.parts[1], half)
	c.mustPatch(t, h.parts[1], half, rest)
	final := c.do(http.MethodPost, c.files, headers{
		"Upload-Concat": "final;/files/" + idOf(h.parts[0]) + " /files/" + idOf(h.parts[1]),
	}, nil)
	if final.status != http.StatusCreated {
		t.Fatalf("final POST: %v", final)
	}
	address := final.header.Get("Location")
	c.mustGet(t, address, bytes.Repeat(h.content, 2))
	return address
}

// ids lists the uploads that are no parts.
func (h halfway) ids() []string { return []string{idOf(h.plain), idOf(h.deferred), idOf(h.finished)} }

// TestTakesOverFromTusd lets Plateau finish a folder that tusd has half written.
func TestTakesOverFromTusd(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			ctx, random, data := bounded(t), seeded(t), t.TempDir()
			uploads := filepath.Join(data, "uploads")
			tusd, files := startTusd(ctx, t, uploads)
			h := begin(t, random, newTus(ctx, files))
			tusd.signal(sig)
			tusd.wait(ctx, t)

			server := startPlateau(ctx, t, data)
			final := h.end(t, newTus(ctx, server.files))
			for _, id := range append(h.ids(), idOf(final)) {
				await(ctx, t, "upload "+id+" is sealed", func() bool { return sealed(uploads, id) })
			}
			want := map[string]int{idOf(h.plain): 1, idOf(h.deferred): 1, idOf(final): 1}
			server.awaitDelivered(ctx, t, []string{idOf(h.plain), idOf(h.deferred), idOf(final)})
			if got := server.events(); !maps.Equal(got, want) {
				t.Errorf("events by upload: %v, want %v: none for what tusd finished or for parts", got, want)
			}
			wantRecords(t, uploads, func(r record) {
				if marked := r.Storage["Plateau"] != ""; marked == (r.ID == idOf(h.finished)) {
					if r.IsPartial {
						return // a part is marked when its final takes its bytes
					}
					t.Errorf("record of %s: marked as Plateau's own: %v", r.ID, marked)
				}
			})
		})
	}
}

// TestHandsOverToTusd lets tusd finish a folder that Plateau has half written, and Plateau take it back.
func TestHandsOverToTusd(t *testing.T) {
	ctx, random, data := bounded(t), seeded(t), t.TempDir()
	server := startPlateau(ctx, t, data)
	h := begin(t, random, newTus(ctx, server.files))
	terminate(ctx, t, server)

	tusd, files := startTusd(ctx, t, server.uploads())
	final := h.end(t, newTus(ctx, files))
	tusd.signal(syscall.SIGTERM)
	tusd.wait(ctx, t)

	server.start(ctx, t)
	client := newTus(ctx, server.files)
	for _, address := range []string{h.plain, h.deferred, h.finished} {
		client.mustHead(t, address, halfwaySize)
		client.mustGet(t, address, h.content)
	}
	client.mustGet(t, final, bytes.Repeat(h.content, 2))
	for _, id := range append(h.ids(), idOf(final)) {
		await(ctx, t, "upload "+id+" is sealed", func() bool { return sealed(server.uploads(), id) })
	}
	wantRecords(t, server.uploads(), func(r record) {
		if marked := r.Storage["Plateau"] != ""; marked != (r.ID != idOf(final)) {
			t.Errorf("record of %s: marked as Plateau's own: %v", r.ID, marked)
		}
	})
}

// wantRecords looks at each of the six records that both tests leave.
func wantRecords(t *testing.T, folder string, look func(record)) {
	t.Helper()
	all := records(t, folder)
	if len(all) != 6 {
		t.Errorf("%d records in the folder, want 6", len(all))
	}
	for _, r := range all {
		look(r)
	}
}
