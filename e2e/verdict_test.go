package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// wantAnswer judges an answer that is no success.
func (f *faults) wantAnswer(what string, a answer, errno string, hit []call) {
	f.t.Helper()
	var want []int
	full := errno != "EIO"
	switch {
	case f.kind == "HEAD" && slices.ContainsFunc(hit, isSync):
		want = []int{http.StatusLocked, http.StatusGone}
	case f.kind == "HEAD":
		want = []int{http.StatusLocked}
	case f.kind == "GET" && a.status == http.StatusOK && a.err != nil:
		return // the trouble came after the head: the client knows that it hasn't got all
	case f.kind == "GET" && full && !slices.ContainsFunc(hit, func(c call) bool { return c.grows }):
		want = []int{http.StatusInsufficientStorage, http.StatusInternalServerError} // which no disk says of reading
	case full:
		want = []int{http.StatusInsufficientStorage}
	case f.kind == "finish":
		want = []int{http.StatusInternalServerError, http.StatusLocked}
	case f.kind == "GET":
		want = []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	case f.kind == "PATCH", f.kind == "DELETE":
		want = []int{http.StatusInternalServerError}
	default:
		want = []int{http.StatusServiceUnavailable}
	}
	if a.err != nil || !slices.Contains(want, a.status) {
		f.t.Errorf("%s: %v, want one of %v", what, a, want)
		return
	}
	if a.header.Get("Retry-After") == "" && a.status != http.StatusInternalServerError && a.status != http.StatusGone {
		f.t.Errorf("%s: %d without Retry-After", what, a.status)
	}
	if a.header.Get("Upload-Offset") != "" {
		f.t.Errorf("%s: an error with an Upload-Offset", what)
	}
	if f.kind != "HEAD" && !strings.HasPrefix(a.body, "ERR_") || strings.Contains(a.body, f.data) {
		f.t.Errorf("%s: the body is %q", what, a.body)
	}
}

// wantWhole judges a success in spite of the fault: what was acknowledged is there.
func (f *faults) wantWhole(what string, client *tus, address string, a answer) {
	f.t.Helper()
	if f.kind == "DELETE" {
		f.wantGone(what, client, address)
		return
	}
	if f.kind == "GET" && a.body != string(f.content) {
		f.t.Errorf("%s: %d with %d bytes that are not those that were sent", what, a.status, len(a.body))
	}
	if a.header.Get("Upload-Offset") != "" && a.offset() != f.sent {
		f.t.Errorf("%s: offset %d, want %d", what, a.offset(), f.sent)
	}
	head := client.head(address)
	if head.status != http.StatusOK || head.offset() != f.sent {
		f.t.Errorf("%s: %d was answered, but HEAD says %v with offset %d", what, a.status, head, head.offset())
		return
	}
	if f.kind == "HEAD" && !f.unsealed {
		return // it has changed nothing
	}
	f.wantPrefix(what, address, f.sent)
	if f.sent == faultSize {
		if !sealed(f.server.uploads(), idOf(address)) {
			f.t.Errorf("%s: %d was answered, but the upload is not sealed", what, a.status)
		}
		client.mustGet(f.t, address, f.content)
	}
}

// wantRest judges what is left of an upload after a failed request: the client can go on with it, or hears that it is gone
// because its bytes can't be trusted.
func (f *faults) wantRest(what string, client *tus, address string, a answer, hit []call) {
	f.t.Helper()
	id := idOf(address)
	head := client.head(address)
	if f.kind == "DELETE" {
		f.wantRestOfDelete(what, client, address, head)
		return
	}
	if head.status == http.StatusGone {
		_, err := os.Stat(filepath.Join(f.server.uploads(), id+".damaged"))
		if err != nil || !slices.ContainsFunc(hit, isSync) {
			f.t.Errorf("%s: %v, then HEAD 410 without a failed fsync or a %s.damaged: %v", what, a, id, err)
		}
		return
	}
	if head.status != http.StatusOK {
		f.t.Errorf("%s: %v, then HEAD says %v", what, a, head)
		return
	}
	if slices.ContainsFunc(hit, func(c call) bool { return isSync(c) && c.on == "ID" }) {
		f.t.Errorf("%s: %v, then HEAD says 200: data whose fsync failed was believed", what, a)
	}
	offset := head.offset()
	if f.kind == "HEAD" || f.kind == "GET" {
		if offset != f.sent {
			f.t.Errorf("%s: %v, then HEAD says offset %d, want %d", what, a, offset, f.sent)
		}
		if f.kind == "GET" {
			client.mustGet(f.t, address, f.content)
		}
		return
	}
	if offset < f.acknowledged || offset > dataSize(f.server.uploads(), id) {
		f.t.Errorf("%s: HEAD says offset %d; %d had been acknowledged, and the file has %d bytes",
			what, offset, f.acknowledged, dataSize(f.server.uploads(), id))
		return
	}
	f.wantPrefix(what, address, offset)
	if offset < faultSize || head.header.Get("Upload-Defer-Length") != "" {
		length := headers{}
		if head.header.Get("Upload-Defer-Length") != "" {
			length["Upload-Length"] = strconv.Itoa(faultSize)
		}
		if b := client.patch(address, offset, f.content[offset:], length); b.status != http.StatusNoContent {
			f.t.Errorf("%s: %v, then the PATCH at %d hears %v", what, a, offset, b)
			return
		}
	}
	client.mustHead(f.t, address, faultSize)
	client.mustGet(f.t, address, f.content)
	if !sealed(f.server.uploads(), id) {
		f.t.Errorf("%s: the upload was finished afterwards but is not sealed", what)
	}
	f.owed[id] = 1
}

// wantRestOfDelete judges what is left after a DELETE that failed: all of the upload, or nothing that takes up space or that
// a client would go on with. The next DELETE does the rest.
func (f *faults) wantRestOfDelete(what string, client *tus, address string, head answer) {
	f.t.Helper()
	switch {
	case head.status == http.StatusOK && head.offset() == f.sent:
		f.wantPrefix(what, address, f.sent)
	case head.status == http.StatusGone && dataSize(f.server.uploads(), idOf(address)) < 0:
	case head.status == http.StatusNotFound:
		f.wantGone(what, client, address)
		return
	default:
		f.t.Errorf("%s: then HEAD says %v with offset %d", what, head, head.offset())
	}
	if again := remove(client, address, nil); again.status != http.StatusNoContent {
		f.t.Errorf("%s: HEAD says %v, and the next DELETE %v", what, head, again)
	}
	f.wantGone(what, client, address)
}

// wantGone wants nothing to be left of a removed upload.
func (f *faults) wantGone(what string, client *tus, address string) {
	f.t.Helper()
	if head := client.head(address); head.status != http.StatusNotFound {
		f.t.Errorf("%s: HEAD of what was removed says %v", what, head)
	}
	for _, name := range f.folder() {
		if strings.HasPrefix(name, idOf(address)) {
			f.t.Errorf("%s: the upload was removed, but %s is left", what, name)
		}
	}
}

// wantPrefix wants the first bytes of the data file to be those that were sent.
func (f *faults) wantPrefix(what, address string, n int64) {
	f.t.Helper()
	got, err := os.ReadFile(filepath.Join(f.server.uploads(), idOf(address)))
	if err != nil || int64(len(got)) < n || !bytes.Equal(got[:n], f.content[:n]) {
		f.t.Errorf("%s: the file's first %d bytes are not those that were sent (it has %d, error %v)", what, n, len(got), err)
	}
}

// wantNoFinish wants no upload to be called finished after an fsync of the folder has failed, since the next one would report
// success over what was lost; and the server to do all that it put off when it is started again.
func (f *faults) wantNoFinish(what string, client *tus) {
	f.t.Helper()
	address := client.mustCreate(f.t, 4, nil)
	for _, a := range []answer{client.patch(address, 0, []byte("fine"), nil), client.head(address)} {
		if a.status != http.StatusLocked || a.header.Get("Retry-After") == "" {
			f.t.Errorf("%s: the next upload is finished: %v, want 423 with Retry-After", what, a)
		}
	}
	f.server.kill()
	f.server.start(f.ctx, f.t)
	await(f.ctx, f.t, "the upload that was put off is finished", func() bool {
		return client.head(address).status != http.StatusLocked
	})
	client.mustGet(f.t, address, []byte("fine"))
	if a := remove(client, address, nil); a.status != http.StatusNoContent {
		f.t.Errorf("%s: DELETE of the upload that was put off: %v", what, a)
	}
}

// wantWorking uploads something small.
func (f *faults) wantWorking(what string, client *tus) {
	f.t.Helper()
	a := client.create(4, nil)
	if a.status != http.StatusCreated {
		f.t.Errorf("after %s: POST says %v", what, a)
		return
	}
	if b := client.patch(a.header.Get("Location"), 0, []byte("fine"), nil); b.status != http.StatusNoContent {
		f.t.Errorf("after %s: PATCH says %v", what, b)
	}
}

// left lists what a failed creation has left behind. Data that a failed fsync made untrustworthy may stay for the operator.
func (f *faults) left(before []string, hit []call) []string {
	return slices.DeleteFunc(f.folder(), func(name string) bool {
		return slices.Contains(before, name) || strings.HasSuffix(name, ".damaged") && slices.ContainsFunc(hit, isSync)
	})
}

func isSync(c call) bool { return c.name == "fsync" || c.name == "fdatasync" }

// folder lists the uploads folder.
func (f *faults) folder() []string {
	f.t.Helper()
	entries, err := os.ReadDir(f.server.uploads())
	if err != nil {
		f.t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
