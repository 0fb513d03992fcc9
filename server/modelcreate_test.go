package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// create makes an upload, rightly or wrongly, with its first bytes or without.
func (w *world) create() {
	u := &modelUpload{number: len(w.uploads), owner: []string{"anna", "anna", "bert"}[w.pick(3)]}
	a := ask{method: "POST", path: "/files/", who: u.owner, version: !w.seldom(24)}
	var mistakes []int
	if w.seldom(24) {
		a.who, mistakes = "", append(mistakes, 401)
	}
	if !a.version {
		mistakes = append(mistakes, 412)
	}
	if u.isPart = w.pick(3) == 0; u.isPart {
		a.header = append(a.header, "Upload-Concat: partial")
	}
	u.size = int64(w.pick(48))
	if w.seldom(12) {
		u.size *= 100
	}
	mistakes = append(mistakes, w.length(&a, u)...)
	mistakes = append(mistakes, w.describe(&a, u)...)
	var n int64
	if w.pick(2) == 0 {
		room := u.size
		if room < 0 {
			room = int64(w.pick(64))
		}
		tooLong := false
		n, tooLong = w.fill(&a, u, room)
		typed := !w.seldom(12)
		if typed {
			a.header = append(a.header, offsetType)
		}
		switch {
		case !typed && n > 0:
			mistakes = append(mistakes, 415, 413)
		case tooLong && u.size >= 0:
			mistakes = append(mistakes, 413)
		case !typed && a.cut: // nothing came, or the break is noticed
			if mistakes = append(mistakes, 415); tooLong && u.size >= 0 {
				mistakes = append(mistakes, 413)
			} else if len(mistakes) == 1 {
				mistakes = append(mistakes, 201)
			}
		case a.cut:
			mistakes = append(mistakes, 400)
			w.lost++ // nobody hears where it is
		}
	}
	got := w.send(a)
	if w.expects(got, mistakes, 201) {
		w.made(u, got, u.bytes(0, int(n)))
	}
}

// length adds what says how long an upload is.
func (w *world) length(a *ask, u *modelUpload) []int {
	switch w.pick(16) {
	case 10, 11, 12:
		u.size = -1
		a.header = append(a.header, "Upload-Defer-Length: 1")
		return nil
	case 13:
		a.header = append(a.header, "Upload-Length: "+[]string{"-1", "+5", "1e3", "0x10", "9223372036854775808", "", "5 5"}[w.pick(7)])
		return []int{400}
	case 14:
		a.header = append(a.header, "Upload-Length: 5", [...]string{"Upload-Length: 6", "Upload-Defer-Length: 1", "Upload-Defer-Length: 0"}[w.pick(3)])
		return []int{400, 413} // its body may be too long for one of them
	case 15:
		a.header = append(a.header, "Upload-Length: 6001")
		return []int{413}
	}
	a.header = append(a.header, fmt.Sprint("Upload-Length: ", u.size))
	return nil
}

// describe adds metadata.
func (w *world) describe(a *ask, u *modelUpload) []int {
	switch w.pick(12) {
	case 8:
		u.metadata = "filename YQ=="
	case 9:
		u.metadata = "empty "
	case 10:
		a.header = append(a.header, "Upload-Metadata: "+[]string{"a !", "a YQ==,a YQ==", "\u00e4 YQ==", "a /w==", "a b c"}[w.pick(5)])
		return []int{400}
	case 11:
		a.header = append(a.header, "Upload-Metadata: a "+strings.Repeat("AAAA", 1366))
		return []int{413}
	}
	if u.metadata != "" {
		a.header = append(a.header, "Upload-Metadata: "+u.metadata)
	}
	return nil
}

// made notes a new upload that a client heard of.
func (w *world) made(u *modelUpload, got answer, data []byte) {
	id, ok := strings.CutPrefix(got.get("Location"), "/files/")
	if !ok || slices.ContainsFunc(w.uploads, func(other *modelUpload) bool { return other.id == id }) {
		w.fail("the Location is %q", got.get("Location"))
	}
	u.id, u.data = id, data
	if at := got.get("Upload-Offset"); at != "" && at != fmt.Sprint(len(data)) {
		w.fail("the offset is %s, want %d", at, len(data))
	}
	u.settle()
	w.uploads = append(w.uploads, u)
	w.look(u)
}

// concat joins parts, or what are none.
func (w *world) concat() {
	parts := make([]*modelUpload, 1+w.pick(3))
	who := []string{"anna", "anna", "bert", ""}[w.pick(4)]
	a := ask{method: "POST", path: "/files/", who: who, version: true}
	var mistakes []int
	if who == "" {
		mistakes = append(mistakes, 401)
	}
	list := "Upload-Concat: final;"
	for i := range parts {
		parts[i], _ = w.target()
		for range 4 { // mostly one that can be joined
			if u := parts[i]; u.isPart && u.complete() && u.owner == who && !slices.Contains(parts[:i], u) {
				break
			}
			parts[i], _ = w.target()
		}
		list += []string{"/files/", "http://plateau.example/files/", ""}[w.pick(3)] + parts[i].id + " "
	}
	a.header = append(a.header, list)
	final := parts[0].final
	again := final != nil && !final.gone && slices.Equal(final.parts, parts)
	size := int64(0)
	for i, u := range parts {
		mistakes = append(mistakes, u.mistakes(who)...)
		if !u.isPart || !u.complete() || slices.Contains(parts[:i], u) {
			mistakes = append(mistakes, 400)
		}
		if u.final != nil && !again {
			mistakes = append(mistakes, 400, 404, 409, 410)
		}
		size += u.size
	}
	if size > modelMaxSize {
		mistakes = append(mistakes, 413)
	}
	got := w.send(a)
	switch {
	case !w.expects(got, mistakes, 201):
	case again:
		if got.get("Location") != "/files/"+final.id {
			w.fail("the same parts make another upload than %s", final.id)
		}
		w.look(final)
	default:
		var data []byte
		for _, u := range parts {
			data = append(data, u.data...)
		}
		u := &modelUpload{number: len(w.uploads), owner: who, size: int64(len(data)), parts: parts}
		w.made(u, got, data)
		for _, part := range parts {
			part.final = u
			w.look(part)
		}
		w.read(u, who, "")
	}
}

// form sends a file as an old client does.
func (w *world) form() {
	u := &modelUpload{number: len(w.uploads), owner: []string{"anna", "bert"}[w.pick(2)]}
	text := strings.ReplaceAll(string(u.bytes(0, w.pick(200))), "\r", " ")
	body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + text + "\r\n--x--\r\n"
	a := ask{method: "POST", path: "/upload", who: u.owner, header: []string{"Content-Type: multipart/form-data; boundary=x"}}
	var mistakes []int
	if w.seldom(8) {
		a.who, mistakes = "nobody", append(mistakes, 401)
	}
	a.body, a.declared = []byte(body), int64(len(body))
	if w.seldom(3) {
		a.body, a.cut = a.body[:w.pick(len(body)-2)], true // what follows the closing boundary means nothing
		mistakes = append(mistakes, 400)
	}
	if w.pick(2) == 0 {
		a.declared = -1
	}
	got := w.send(a)
	if !w.expects(got, mistakes, 201) {
		return
	}
	var files []storedFile
	if err := json.Unmarshal([]byte(got.body), &files); err != nil || len(files) != 1 || files[0].Size != int64(len(text)) {
		w.fail("a form of one file of %d bytes: %v", len(text), err)
	}
	u.size, u.metadata = int64(len(text)), "filename YQ=="
	w.made(u, answer{201, map[string][]string{"Location": {files[0].URL}}, ""}, []byte(text))
	w.read(u, u.owner, "")
}
