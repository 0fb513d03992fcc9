package server_test

import (
	"fmt"
	"slices"
	"strconv"
)

// patch sends bytes to an upload, rightly or wrongly.
func (w *world) patch() {
	u, who := w.target()
	a := ask{method: "PATCH", path: "/files/" + u.id, who: who, version: !w.seldom(16)}
	mistakes := u.mistakes(who)
	if !a.version {
		mistakes = append(mistakes, 412)
	}
	if w.seldom(4) {
		a.method, a.header = "POST", append(a.header, "X-HTTP-Method-Override: patch")
	}
	if w.seldom(16) {
		mistakes = append(mistakes, 415)
		a.header = append(a.header, "Content-Type: text/plain")
	} else {
		a.header = append(a.header, offsetType)
	}
	at := len(u.data)
	switch w.pick(10) {
	case 7:
		mistakes, at = append(mistakes, 409), at+1+w.pick(3)
	case 8:
		if at > 0 {
			mistakes, at = append(mistakes, 409), w.pick(at)
		}
	}
	offset := fmt.Sprint("Upload-Offset: ", at)
	if w.seldom(16) {
		mistakes = append(mistakes, 400)
		offset = "Upload-Offset: " + []string{"-1", "+1", "1e1", "9223372036854775808", ""}[w.pick(5)]
	}
	a.header = append(a.header, offset)
	declares, wrong := w.declare(&a, u)
	if declares > modelMaxSize {
		mistakes, declares = append(mistakes, 413), -1
	}
	if u.parts != nil {
		mistakes = append(mistakes, 403)
	}
	w.sendChunk(u, a, mistakes, declares, wrong)
}

// declare adds an Upload-Length to a PATCH, or not. It returns what that is for an upload
// whose length is not known, and whether it is wrong for this one.
func (w *world) declare(a *ask, u *modelUpload) (size int64, wrong bool) {
	if u.size >= 0 && !w.seldom(12) || u.size < 0 && !w.seldom(3) {
		return -1, false
	}
	size = int64(len(u.data) + w.pick(20))
	switch w.pick(8) {
	case 5:
		size = max(u.size, 0)
	case 6:
		size = int64(w.pick(len(u.data) + 1))
	case 7:
		a.header = append(a.header, "Upload-Length: "+[]string{"-1", "+7", "9223372036854775808", "seven", "9999"}[w.pick(5)])
		return -1, true
	}
	a.header = append(a.header, fmt.Sprint("Upload-Length: ", size))
	if u.size >= 0 {
		return -1, size != u.size
	}
	return size, size < int64(len(u.data))
}

// sendChunk chooses a body for a PATCH and says what must come of it.
func (w *world) sendChunk(u *modelUpload, a ask, mistakes []int, declares int64, wrong bool) {
	size := u.size
	if declares >= 0 {
		size = declares
	}
	room := int64(w.pick(64))
	if size >= 0 {
		room = max(size-int64(len(u.data)), 0)
	} else if w.seldom(8) {
		room = modelMaxSize - int64(len(u.data))
	}
	n, limit := w.fill(&a, u, room)
	if size < 0 {
		limit = n > modelMaxSize-int64(len(u.data)) || a.declared > modelMaxSize-int64(len(u.data))
	}
	full := u.complete()
	switch {
	case full && (n > 0 || a.declared > 0):
		mistakes = append(mistakes, 413)
		if a.cut || wrong {
			mistakes = append(mistakes, 400)
		}
	case full && wrong:
		mistakes = append(mistakes, 204, 400, 413) // the length is known, and whole
	case wrong:
		mistakes = append(mistakes, 400, 413)
	case limit:
		mistakes = append(mistakes, 413)
		if a.cut && size < 0 { // broken off before it was too long
			mistakes = append(mistakes, 400)
		}
	case a.cut:
		mistakes = append(mistakes, 400)
	}
	got := w.send(a)
	switch {
	case w.expects(got, mistakes, 204):
		u.data = append(u.data, u.bytes(len(u.data), int(n))...)
		if declares >= 0 && !full {
			u.size = declares
		}
		if got.get("Upload-Offset") != fmt.Sprint(len(u.data)) {
			w.fail("the offset is %s, want %d", got.get("Upload-Offset"), len(u.data))
		}
	case a.cut || declares >= 0:
		w.resume(u, n, declares)
	}
	u.settle()
	w.look(u)
}

// fill gives a request a body that has room for so many bytes, or too few of them, or
// has too many. It says how many come, and whether they are too many.
func (w *world) fill(a *ask, u *modelUpload, room int64) (n int64, tooLong bool) {
	switch w.pick(8) {
	case 0, 1, 2:
		n = room
	case 3, 4:
		n = int64(w.pick(int(min(room, 255)) + 1))
	case 5:
		n = room + 1 + int64(w.pick(9))
	}
	a.body, a.declared = u.bytes(len(u.data), int(n)), n
	if a.cut = w.seldom(6); a.cut {
		a.declared = n + 1 + int64(w.pick(9))
	}
	if w.pick(3) == 0 {
		a.declared = -1
	}
	return n, n > room || a.declared > room
}

// resume asks where to go on after a request that broke off: with all that has come, if
// the request was a right one.
func (w *world) resume(u *modelUpload, n, declares int64) {
	got := w.send(ask{method: "HEAD", path: "/files/" + u.id, who: u.owner, version: true})
	if u.gone || got.status != 200 {
		return // look says whether that is right
	}
	at, err := strconv.Atoi(got.get("Upload-Offset"))
	if err != nil || at < len(u.data) || at > len(u.data)+int(n) {
		w.fail("goes on at %q, had %d and %d came", got.get("Upload-Offset"), len(u.data), n)
	}
	u.data = append(slices.Clip(u.data), u.bytes(len(u.data), at-len(u.data))...)
	if declares >= 0 && got.get("Upload-Length") == fmt.Sprint(declares) {
		u.size = declares
	}
}
