package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wantKept wants an upload of which the client has heard that it is finished to be there, whole and sealed, with its event
// waiting or delivered, while no server runs.
func (c *crash) wantKept(a answer, address string) {
	c.t.Helper()
	if a.err != nil || a.status/100 != 2 {
		return
	}
	id := heardID(a, address)
	got, err := os.ReadFile(filepath.Join(c.server.uploads(), id))
	if err != nil || digestOf(got) != digestOf(c.want()) || !sealed(c.server.uploads(), id) {
		c.t.Errorf("%v was heard; the upload has %d bytes, error %v, sealed: %v", a, len(got), err, sealed(c.server.uploads(), id))
	}
	if _, delivered := c.server.delivered(c.t)[id]; !delivered && !waitingEvents(c.t, c.server.data)[id] {
		c.t.Errorf("%v was heard, and the event is neither delivered nor waiting", a)
	}
}

// want is what the uploads of this case contain.
func (c *crash) want() []byte {
	if c.way.name == "an empty upload" {
		return nil
	}
	return c.content
}

// heardID is the id of the upload that an answer is about.
func heardID(a answer, address string) string {
	if location := a.header.Get("Location"); location != "" {
		return idOf(location)
	}
	return idOf(address)
}

// awaitSweep waits until the sweep has finished all that is complete.
func (c *crash) awaitSweep() {
	c.t.Helper()
	for _, r := range records(c.t, c.server.uploads()) {
		if !c.judged[r.ID] && !r.SizeIsDeferred && dataSize(c.server.uploads(), r.ID) == r.Size {
			await(c.ctx, c.t, "the sweep has sealed "+r.ID, func() bool {
				// The bytes of a part go with the sweep of its final.
				return sealed(c.server.uploads(), r.ID) || dataSize(c.server.uploads(), r.ID) != r.Size
			})
		}
	}
}

// judge looks at all that the case has left: a is the success that the client heard in the end. Whatever is complete is sealed
// and announced, whatever is not is not announced; an event's bytes, size and digest are those of the file.
func (c *crash) judge(a answer, address string, content []byte) {
	c.t.Helper()
	if a.err != nil || a.status/100 != 2 {
		c.t.Errorf("in the end the client heard %v", a)
		return
	}
	heard, found := heardID(a, address), false
	for _, r := range records(c.t, c.server.uploads()) {
		if c.judged[r.ID] {
			continue
		}
		c.judged[r.ID] = true
		if r.IsPartial {
			continue
		}
		found = found || r.ID == heard
		if r.SizeIsDeferred || dataSize(c.server.uploads(), r.ID) != r.Size {
			if _, announced := c.server.delivered(c.t)[r.ID]; announced || r.ID == heard || r.IsFinal {
				c.t.Errorf("upload %s has %d of %d bytes; heard of: %v, announced: %v", r.ID, dataSize(c.server.uploads(), r.ID), r.Size, r.ID == heard, announced)
			}
			continue
		}
		c.wantAnnounced(r)
	}
	if !found {
		c.t.Errorf("%v was heard, but there is no upload %s", a, heard)
	}
	client := newTus(c.ctx, c.server.files)
	client.mustGet(c.t, heard, c.want())
	await(c.ctx, c.t, "no event waits", func() bool { return len(waitingEvents(c.t, c.server.data)) == 0 })
	wantNoneDead(c.t, c.server.data)
	if c.way.name != "a concatenation" {
		return
	}
	for _, part := range partIDs(address) {
		await(c.ctx, c.t, "the part's bytes are gone", func() bool { return dataSize(c.server.uploads(), part) < 0 })
		if head := client.head(part); head.status != http.StatusOK {
			c.t.Errorf("HEAD of a part that was joined: %v", head)
		}
	}
}

// wantAnnounced wants a complete upload to be sealed and to have the event of its bytes.
func (c *crash) wantAnnounced(r record) {
	c.t.Helper()
	var e event
	await(c.ctx, c.t, "upload "+r.ID+" is sealed and announced", func() bool {
		var announced bool
		e, announced = c.server.delivered(c.t)[r.ID]
		return announced && sealed(c.server.uploads(), r.ID)
	})
	got, err := os.ReadFile(filepath.Join(c.server.uploads(), r.ID))
	if err != nil || digestOf(got) != digestOf(c.want()) {
		c.t.Errorf("upload %s has %d bytes that are not those that were sent, error %v", r.ID, len(got), err)
	}
	digest := ""
	if c.digest == "sha256" {
		digest = digestOf(got)
	}
	if e.Data.Size != int64(len(got)) || e.Data.Digest != digest {
		c.t.Errorf("the event says %d bytes, digest %q; the file has %d and %q", e.Data.Size, e.Data.Digest, len(got), digest)
	}
}

// partIDs are the ids in an Upload-Concat.
func partIDs(parts string) (ids []string) {
	for _, address := range strings.Fields(parts) {
		ids = append(ids, idOf(address))
	}
	return ids
}

// digestOf is the digest of content as events have it.
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// waitingEvents lists the uploads whose events wait in the outbox. What a kill left of an entry that was being replaced is none of
// them: the outbox removes it later.
func waitingEvents(t *testing.T, data string) map[string]bool {
	t.Helper()
	waiting := map[string]bool{}
	eachEntry(t, filepath.Join(data, "outbox", "pending"), func(name string) {
		if id := hexID.FindString(name); id != "" && !strings.HasSuffix(name, ".tmp") {
			waiting[id] = true
		}
	})
	return waiting
}

// wantNoneDead wants no event to have been given up.
func wantNoneDead(t *testing.T, data string) {
	t.Helper()
	eachEntry(t, filepath.Join(data, "outbox", "dead"), func(name string) { t.Errorf("%s is in outbox/dead", name) })
}

// eachEntry calls each with every file below a folder. What goes away meanwhile is passed over.
func eachEntry(t *testing.T, folder string, each func(name string)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil && !entry.IsDir():
			each(entry.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
