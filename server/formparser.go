package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/textproto"
)

const (
	// formHead is the most bytes of a part's header, and of what may come before the
	// first part.
	formHead = 16 << 10
	// formPadding is the most spaces and tabs behind a boundary.
	formPadding = 64
)

// formParser splits a form into its parts (RFC 2046, section 5.1). It is strict:
// lines end with CR LF, and a form has ended only with its closing boundary. A line
// that merely begins like a boundary is content.
type formParser struct {
	*formInput
	delimiter []byte // CR LF, two hyphens and the boundary
	atLine    bool   // the window is at the start of a line, whose CR LF was used
	closed    bool   // the closing boundary was read
}

func newFormParser(in *formInput, boundary string) *formParser {
	return &formParser{formInput: in, delimiter: []byte("\r\n--" + boundary), atLine: true}
}

// begin passes over what comes before the first part.
func (p *formParser) begin() error {
	left, last := formHead, byte(0)
	return p.content(func(b []byte) error {
		if left -= len(b); left < 0 {
			return formHeadTooLarge()
		}
		for i := range b {
			if b[i] == '\n' && last != '\r' {
				return formMalformed("its lines must end with CR LF")
			}
			last = b[i]
		}
		return nil
	})
}

// content hands a part's bytes to sink, up to the next boundary, which it reads. It
// calls sink before it waits for the client, and as seldom as it can. The form waits
// in here: this frame, and those below, must be small.
func (p *formParser) content(sink func([]byte) error) error {
	if p.atLine {
		// The line's end is the beginning of a delimiter too.
		ended, err := p.lineIsBoundary()
		if ended || err != nil {
			return err
		}
	}
	for {
		n, what := p.scan()
		if n > 0 {
			if err := sink(p.window[:n]); err != nil {
				return err
			}
			p.use(n)
		}
		if what == boundaryFound {
			p.use(len(p.delimiter))
			p.take()
			return nil
		}
		if err := p.more(); err != nil {
			return incomplete(err)
		}
	}
}

// finding is what follows a delimiter.
type finding int

const (
	undecided     finding = iota // more of the form must be known
	noBoundary                   // the line only begins like one
	boundaryFound                // of the next part, or the closing one
)

// scan returns how many bytes of the window are content for sure, and whether a
// boundary comes behind them.
func (p *formParser) scan() (n int, what finding) {
	for {
		i := bytes.Index(p.window[n:], p.delimiter)
		if i < 0 {
			break
		}
		n += i
		if what = judge(p.window[n+len(p.delimiter):]); what != noBoundary {
			return n, what
		}
		n += len(p.delimiter)
	}
	// The end of the window may be the beginning of a delimiter.
	n = max(n, len(p.window)-len(p.delimiter)+1)
	for {
		i := bytes.IndexByte(p.window[n:], '\r')
		if i < 0 {
			return len(p.window), undecided
		}
		n += i
		if bytes.HasPrefix(p.delimiter, p.window[n:]) {
			return n, undecided
		}
		n++
	}
}

// judge says what the bytes behind a delimiter make of it: two hyphens the end of
// the form, spaces and the end of the line the beginning of a part.
func judge(rest []byte) finding {
	if bytes.HasPrefix(rest, []byte("--")) {
		return boundaryFound
	}
	line := bytes.TrimLeft(rest, " \t")
	switch padding := len(rest) - len(line); {
	case padding > formPadding:
		return noBoundary
	case bytes.HasPrefix(line, []byte("\r\n")):
		return boundaryFound
	case len(line) == 0, len(line) == 1 && (line[0] == '\r' || line[0] == '-' && padding == 0):
		return undecided
	}
	return noBoundary
}

// take takes what follows the delimiter of a boundary out of the window.
func (p *formParser) take() {
	if bytes.HasPrefix(p.window, []byte("--")) {
		p.closed = true
		p.use(2)
		return
	}
	p.use(bytes.IndexByte(p.window, '\n') + 1)
}

// lineIsBoundary reads a boundary at the very start of the form, or right behind a
// header.
func (p *formParser) lineIsBoundary() (ended bool, err error) {
	p.atLine = false
	line := p.delimiter[2:]
	for {
		var what finding
		switch {
		case bytes.HasPrefix(p.window, line):
			what = judge(p.window[len(line):])
		case !bytes.HasPrefix(line, p.window):
			what = noBoundary
		}
		switch what {
		case noBoundary:
			return false, nil
		case boundaryFound:
			p.use(len(line))
			p.take()
			return true, nil
		}
		if err := p.more(); err != nil {
			return false, incomplete(err)
		}
	}
}

// header reads the header of a part.
func (p *formParser) header() (textproto.MIMEHeader, error) {
	var text []byte
	for line := 0; ; { // where the line begins in text
		end := bytes.IndexByte(p.window, '\n')
		taken := len(p.window)
		if end >= 0 {
			taken = end + 1
		}
		text = append(text, p.window[:taken]...)
		p.use(taken)
		if len(text) > formHead {
			return nil, formHeadTooLarge()
		}
		if end < 0 {
			if err := p.more(); err != nil {
				return nil, incomplete(err)
			}
			continue
		}
		if !bytes.HasSuffix(text, []byte("\r\n")) {
			return nil, formMalformed("its lines must end with CR LF")
		}
		if len(text)-line == 2 {
			break
		}
		line = len(text)
	}
	p.atLine = true
	lines := bytes.NewReader(text)
	r := bufio.NewReaderSize(lines, min(len(text), 4<<10))
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err == nil && r.Buffered()+lines.Len() > 0 {
		err = fmt.Errorf("it ends after %d of %d bytes", len(text)-r.Buffered()-lines.Len(), len(text))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, formMalformed("a part's header can't be read"))
	}
	return header, nil
}

// incomplete is the answer where the body ends before the form does.
func incomplete(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return formIncomplete()
	}
	return err
}
