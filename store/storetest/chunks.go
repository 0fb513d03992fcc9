package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func chunkContract() []contract {
	return []contract{
		{"bytes come back as they were sent", testChunks},
		{"an upload goes on after a crash", testResume},
		{"the last chunk finishes", testFinishedOnce},
		{"a reader that fails keeps what it brought", testFailingReader},
	}
}

// arrivals are ways in which the same bytes can arrive.
func arrivals(r *rand.Rand, b []byte) *Body {
	body := NewBody(b)
	switch r.IntN(5) {
	case 0:
		body.NoPoll = true
	case 1:
		body.NoPoll = true
		body.Burst = 1 + r.IntN(20_000)
	case 2:
		body.Burst = 1 + r.IntN(20_000)
	case 3:
		body.Burst = 1 + r.IntN(2<<20)
	}
	if len(b) < 1000 && r.IntN(2) == 0 {
		body.Burst = 1
	}
	return body
}

func testChunks(s *suite) {
	s.start(Options{})
	r := random(s.T)
	const k, m = 1 << 10, 1 << 20
	for _, size := range []int{1, 511, 512, 513, 16*k - 1, 16 * k, 16*k + 1, m - 1, m, m + 1, 3 * m} {
		for round := range 3 {
			content := bytesOf(r, size)
			var cuts []int // where one request ends and the next begins
			for range round * r.IntN(4) {
				cuts = append(cuts, r.IntN(size+1))
			}
			s.uploadIn(r, content, append(cuts, size))
		}
	}
}

// uploadIn uploads content with a request up to each of the offsets in ends.
func (s *suite) uploadIn(r *rand.Rand, content []byte, ends []int) {
	s.Helper()
	var id string
	offset := int64(0)
	for i, end := range ends {
		if int64(end) < offset {
			continue
		}
		body := arrivals(r, content[offset:end])
		name := fmt.Sprintf("%d to %d of %d bytes, burst %d, poll %t", offset, end, len(content), body.Burst, !body.NoPoll)
		var err error
		switch {
		case id == "" && (i > 0 || r.IntN(2) == 0):
			id, offset, err = s.post(handler.FileInfo{Size: int64(len(content))}, body)
		case id == "":
			id = s.create(len(content))
			fallthrough
		default:
			offset, err = s.patch(id, offset, body)
		}
		if err != nil || offset != int64(end) {
			s.Fatalf("%s: offset %d, error %v", name, offset, err)
		}
		s.wantOffset(id, end)
	}
	s.wantContent(id, content)
}

func testResume(s *suite) {
	s.start(Options{})
	r := random(s.T)
	content := bytesOf(r, 100_000)
	id := s.create(len(content))
	for offset := 0; offset < len(content); {
		n := min(1+r.IntN(40_000), len(content)-offset)
		_, err := s.patch(id, int64(offset), arrivals(r, content[offset:offset+n]))
		s.must(err)
		offset += n
		s.crash()
		s.wantOffset(id, offset)
	}
	s.wantContent(id, content)
	s.events.want(id)
}

func testFinishedOnce(s *suite) {
	s.start(Options{})
	id, _, err := s.post(handler.FileInfo{Size: 6, MetaData: handler.MetaData{"filename": "a"}}, NewBody([]byte("abc")))
	s.must(err)
	s.sweep()
	s.events.want()
	_, err = s.get(id)
	s.wantAnswer(err, http.StatusNotFound, "") // it is still receiving
	_, err = s.patch(id, 3, NewBody([]byte("def")))
	s.must(err)
	s.events.want(id)
	if info := s.events.last(); info.Size != 6 || info.Offset != 6 || info.MetaData["filename"] != "a" || info.IsPartial || info.IsFinal {
		s.Errorf("the event's upload is %+v", info)
	}
	// Nothing that comes later makes another one.
	_, err = s.patch(id, 6, nil)
	s.must(err)
	s.wantOffset(id, 6)
	s.wantContent(id, []byte("abcdef"))
	s.sweep()
	s.crash()
	s.sweep()
	s.wantOffset(id, 6)
	part := s.part([]byte("part"))
	_, err = s.get(part)
	s.wantAnswer(err, http.StatusNotFound, "")
	s.sweep()
	s.events.want(id)
}

// failingReader fails with an error that no client may see.
type failingReader struct{ b []byte }

func (r *failingReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, errors.New("read /etc/passwd: broken")
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

func testFailingReader(s *suite) {
	s.start(Options{})
	for _, size := range []int{3, 10} { // less than the whole, and the whole
		id := s.create(10)
		ctx := store.WithRequest(s.Context(), &store.Request{Method: http.MethodPatch})
		u, err := s.store.GetUpload(ctx, id)
		s.must(err)
		n, err := u.WriteChunk(ctx, 0, &failingReader{make([]byte, size)})
		s.wantPassing(s.checked(err), http.StatusInternalServerError, "")
		if n >= 10 {
			s.Errorf("after an error the store says that %d of 10 bytes are there", n)
		}
		info, err := s.head(id)
		s.must(err)
		if info.Offset != int64(size) {
			s.Errorf("the offset is %d, want %d", info.Offset, size)
		}
	}
}
