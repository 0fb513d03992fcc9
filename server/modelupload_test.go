package server_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const (
	modelMaxSize = 6000
	offsetType   = "Content-Type: application/offset+octet-stream"
)

// modelUpload is what a server must know of an upload.
type modelUpload struct {
	id, owner string
	number    int   // in the sequence
	size      int64 // -1: not declared
	data      []byte
	metadata  string
	isPart    bool
	parts     []*modelUpload // of a final
	final     *modelUpload   // that a part was joined to
	finished  bool           // it has made an event
	gone      bool
}

func (u *modelUpload) complete() bool { return u.size == int64(len(u.data)) }

// settle notes that an upload is finished, once it is.
func (u *modelUpload) settle() {
	if u.complete() && !u.isPart {
		u.finished = true
	}
}

// bytes returns n bytes of an upload's file from an offset.
func (u *modelUpload) bytes(at, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte((at+i)*7 + (at+i)>>8 + u.number*13)
	}
	return text
}

// target chooses an upload, mostly one there is, and who asks for it, mostly its owner.
func (w *world) target() (u *modelUpload, who string) {
	if n := w.pick(len(w.uploads) + 1); n < len(w.uploads) {
		u = w.uploads[n]
	} else {
		u = &modelUpload{id: "0123456789abcdef0123456789abcdef", owner: "anna", gone: true}
	}
	switch w.pick(12) {
	case 9, 10:
		return u, map[string]string{"anna": "bert", "bert": "anna"}[u.owner]
	case 11:
		return u, []string{"", "nobody"}[w.pick(2)]
	}
	return u, u.owner
}

// mistakes are the statuses that who hears of an upload whatever the request is.
func (u *modelUpload) mistakes(who string) (all []int) {
	if who == "" || who == "nobody" {
		all = append(all, 401)
	} else if who != u.owner || u.gone {
		all = append(all, 404)
	} else if u.final != nil && u.final.gone {
		all = append(all, 410) // its bytes were the final's
	}
	return all
}

// look asks for an upload as its owner, and checks that it is as the model has it.
func (w *world) look(u *modelUpload) { w.ask(u, u.owner) }

func (w *world) head() { w.ask(w.target()) }

func (w *world) ask(u *modelUpload, who string) {
	got := w.send(ask{method: "HEAD", path: "/files/" + u.id, who: who, version: w.pick(2) == 0})
	if !w.expects(got, u.mistakes(who), 200) {
		return
	}
	if got.get("Upload-Offset") != fmt.Sprint(len(u.data)) {
		w.fail("the offset is %s, want %d", got.get("Upload-Offset"), len(u.data))
	}
	length, deferred := fmt.Sprint(u.size), ""
	if u.size < 0 {
		length, deferred = "", "1"
	}
	if got.get("Upload-Length") != length || got.get("Upload-Defer-Length") != deferred || got.get("Upload-Metadata") != u.metadata {
		w.fail("want length %q, deferred %q, metadata %q", length, deferred, u.metadata)
	}
	concat := got.get("Upload-Concat")
	if u.isPart != (concat == "partial") || (u.parts != nil) != strings.HasPrefix(concat, "final;") {
		w.fail("Upload-Concat is %q", concat)
	}
	u.settle()
}

func (w *world) get() {
	u, who := w.target()
	text := ""
	if w.seldom(3) {
		text = []string{"bytes=0-0", "bytes=1-3", "bytes=-2", "bytes=5-", "bytes=9999-", "bytes=3-1", "pieces=1-2"}[w.pick(7)]
	}
	w.read(u, who, text)
}

// read gets an upload, or a range of it.
func (w *world) read(u *modelUpload, who, span string) {
	a := ask{method: "GET", path: "/files/" + u.id, who: who, version: true}
	if span != "" {
		a.header = []string{"Range: " + span}
	}
	mistakes := u.mistakes(who)
	if !u.finished {
		mistakes = append(mistakes, 404)
	}
	got := w.send(a)
	switch {
	case len(mistakes) > 0 || span == "":
		if w.expects(got, mistakes, 200) && got.body != string(u.data) {
			w.fail("the content is another")
		}
	case got.status != 200 && got.status != 206 && got.status != 416:
		w.fail("heard %d of a range", got.status)
	case got.status != 416 && !bytes.Contains(u.data, []byte(got.body)):
		w.fail("the range isn't in the content")
	}
}

func (w *world) remove() {
	u, who := w.target()
	w.delete(u, who, !w.seldom(8))
}

func (w *world) delete(u *modelUpload, who string, version bool) {
	a := ask{method: "DELETE", path: "/files/" + u.id, who: who, version: version}
	if w.seldom(4) {
		a.method, a.header = "POST", []string{"X-HTTP-Method-Override: DELETE"}
	}
	mistakes := slices.DeleteFunc(u.mistakes(who), func(status int) bool { return status == 410 }) // what is left of it can go
	if !version {
		mistakes = append(mistakes, 412)
	}
	if w.expects(w.send(a), mistakes, 204) {
		u.gone = true
	}
}
