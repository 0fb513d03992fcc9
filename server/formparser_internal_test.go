package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
)

// scripted is a body whose bytes arrive as the test says.
type scripted struct {
	text    string
	random  *rand.Rand // says where reads end and when they would wait
	polls   bool       // it can be polled
	polling bool
	end     error
}

func (s *scripted) Poll(on bool) bool {
	s.polling = on
	return s.polls
}

func (s *scripted) Read(p []byte) (int, error) {
	if s.polling && s.random.IntN(3) == 0 {
		return 0, nil
	}
	if s.text == "" {
		return 0, s.end
	}
	n := copy(p[:1+s.random.IntN(len(p))], s.text)
	s.text = s.text[n:]
	if s.text == "" && s.random.IntN(2) == 0 {
		return n, s.end
	}
	return n, nil
}

// oneBlock lends one block of a small size, and notices one that is not returned.
type oneBlock struct {
	t    *testing.T
	size int
	lent bool
}

func (b *oneBlock) Lend() []byte {
	if b.lent {
		b.t.Fatal("a second block was asked for")
	}
	b.lent = true
	return bytes.Repeat([]byte("?"), b.size)
}

func (b *oneBlock) TakeBack([]byte) { b.lent = false }

// parsed is a part as a parser read it.
type parsed struct {
	header textproto.MIMEHeader
	text   string
}

func (p parsed) String() string { return fmt.Sprintf("%v: %q", p.header, p.text) }

// parse reads a form by formParser. The blocks are as small as can be.
func parse(t *testing.T, s *scripted, boundary string) (parts []parsed, err error) {
	lender := &oneBlock{t: t, size: formWait}
	p := newFormParser(newFormInput(s, lender), boundary)
	err = p.begin()
	for err == nil && !p.closed {
		var part parsed
		if part.header, err = p.header(); err != nil {
			break
		}
		err = p.content(func(b []byte) error {
			part.text += string(b)
			return nil
		})
		if err == nil {
			parts = append(parts, part)
		}
	}
	p.giveBack()
	if lender.lent {
		t.Error("the block was not given back")
	}
	return parts, err
}

// parsedByLibrary reads a form by package mime/multipart.
func parsedByLibrary(text, boundary string) (parts []parsed, err error) {
	r := multipart.NewReader(strings.NewReader(text), boundary)
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return parts, err
		}
		parts = append(parts, parsed{part.Header, string(content)})
	}
}

// However a form arrives, the same is read of it; and what is read, package
// mime/multipart reads too. (It takes more: it is lenient about line ends, and takes
// some forms for whole that break off.)
func FuzzForm(f *testing.F) {
	part := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
	for _, text := range []string{
		part + "text\r\n--B--\r\n", part + "text\r\n--B--", part + "\r\n--B--\r\n", "--B--", "--B--\r\n", "--B\r\n--B--",
		"preamble\r\n" + part + "text\r\n" + part + "more\r\n--B--epilogue",
		part + "--B\r\n\r\n--B--", part + "--Bx\r\n--B--", "--Bx\r\n--B--", "\r\n--B--", part + "--B--", part + "-", "--B",
		part + "text\r\n--Bx\r\n--B-\r\n--B--", part + "\r\n--B \t\r\n\r\n\r\n--B--", part + "\r\r\n\r\r\n--B--",
		part + "\r\n--B\r\n\r\nno header\r\n--B--", part + strings.Repeat("\r\n-", 300) + "\r\n--B--",
	} {
		f.Add(text, uint64(1))
		f.Add(strings.ReplaceAll(text, "\r\n", "\n"), uint64(2))
		f.Add(strings.Replace(text, "\r\n", "\n", 2), uint64(3))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 100_000 {
			return
		}
		first, firstErr := parse(t, &scripted{text: text, random: rand.New(rand.NewPCG(seed, 0)), polls: true, end: io.EOF}, "B")
		for _, polls := range []bool{true, false} {
			again, err := parse(t, &scripted{text: text, random: rand.New(rand.NewPCG(seed, 1)), polls: polls, end: io.EOF}, "B")
			if fmt.Sprint(again) != fmt.Sprint(first) || fmt.Sprint(err) != fmt.Sprint(firstErr) {
				t.Fatalf("%q\nread as %v, %v\nand as  %v, %v", text, first, firstErr, again, err)
			}
		}
		if firstErr != nil {
			return
		}
		library, err := parsedByLibrary(text, "B")
		if err == nil && fmt.Sprint(library) != fmt.Sprint(first) {
			t.Fatalf("%q\nis read as %v\nby the library as %v", text, first, library)
		}
	})
}

// An error of the body is heard as it is, wherever it comes.
func TestFormsWhoseBodyFails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	text := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntext\r\n--B--"
	for n := range len(text) {
		for _, end := range []error{formCut(formTooManyParts()), io.EOF} {
			s := &scripted{text: text[:n], random: rand.New(rand.NewPCG(seed, uint64(n))), polls: n%2 == 0, end: end}
			_, err := parse(t, s, "B")
			want := end
			if end == io.EOF {
				want = formIncomplete()
			}
			if answer, ok := errors.AsType[handler.Error](err); !ok || answer.ErrorCode != want.(handler.Error).ErrorCode {
				t.Errorf("%d bytes: %v, want %v", n, err, want)
			}
		}
	}
}

// Content that begins like a boundary again and again is written in large pieces
// like any other.
func TestFalseBoundariesCostNoWrites(t *testing.T) {
	text := strings.Repeat("\r\n--Bx", 100_000)
	form := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + text + "\r\n--B--"
	const block = 64 << 10
	p := newFormParser(newFormInput(&arriving{strings.NewReader(form)}, &oneBlock{t: t, size: block}), "B")
	if err := p.begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.header(); err != nil {
		t.Fatal(err)
	}
	writes, size := 0, 0
	err := p.content(func(b []byte) error {
		writes++
		size += len(b)
		return nil
	})
	if err != nil || size != len(text) || writes > len(text)/block+3 {
		t.Errorf("%v: %d of %d bytes in %d writes", err, size, len(text), writes)
	}
}

// arriving is a body all of whose bytes are there.
type arriving struct{ *strings.Reader }

func (*arriving) Poll(bool) bool { return true }
