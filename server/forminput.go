package server

import "io"

const (
	// formWait is what a form holds for its body while it waits for its client. A
	// boundary that may have begun must fit into it.
	formWait = 512
	// formOwn is the same where each read may wait (TLS, HTTP/2, bodies of unknown
	// length): the bytes of a TLS record.
	formOwn = 16 << 10
)

// arrivals is a request's body, as store.Body reads.
type arrivals interface {
	io.Reader
	Poll(on bool) bool
}

// blocks lends memory, as disk.Store does.
type blocks interface {
	Lend() []byte
	TakeBack(block []byte)
}

// formInput is the window through which a form is read. A block is held only while
// bytes can be read without waiting, and a file's bytes are written from it: with
// package mime/multipart, which copies each byte three times, 4 KiB at a time, a
// form costs nearly twice the processor time of the same upload by tus.
type formInput struct {
	body   arrivals
	blocks blocks
	polls  bool // else block is the form's own
	// ready waits until the storage takes bytes, so that nobody waits for that with a
	// block; nil: it always does.
	ready func()

	block  []byte // nil while the form waits
	window []byte // bytes that have arrived and were not used yet; in block or in wait
	wait   [formWait]byte
	err    error // of the body; final
}

func newFormInput(body arrivals, blocks blocks) *formInput {
	in := &formInput{body: body, blocks: blocks, polls: body.Poll(false)}
	if !in.polls {
		in.block = make([]byte, formOwn)
	}
	return in
}

// use takes the first n bytes out of the window.
func (in *formInput) use(n int) { in.window = in.window[n:] }

// more adds at least one byte to the window, or says why it can't. What is in the
// window must be short: less than half of formWait.
func (in *formInput) more() error {
	if in.err != nil {
		return in.err
	}
	if !in.polls {
		return in.read(in.block)
	}
	if in.block != nil && in.ready == nil && in.poll() > 0 {
		return nil
	}
	in.giveBack()
	if in.err != nil {
		return in.err
	}
	if err := in.read(in.wait[:]); err != nil {
		return err
	}
	if in.ready != nil {
		in.ready()
	}
	in.block = in.blocks.Lend()
	in.poll()
	return nil
}

// poll moves the window to the start of the block and fills the block with what is
// there without waiting. It returns how much that was.
func (in *formInput) poll() int {
	n := copy(in.block, in.window)
	before := n
	in.body.Poll(true)
	defer in.body.Poll(false)
	for n < len(in.block) && in.err == nil {
		var m int
		m, in.err = in.body.Read(in.block[n:])
		n += m
		if m == 0 {
			break
		}
	}
	in.window = in.block[:n]
	return n - before
}

// read moves the window to the start of a buffer, and reads once, waiting.
func (in *formInput) read(buffer []byte) error {
	n := copy(buffer, in.window)
	var m int
	m, in.err = in.body.Read(buffer[n:])
	in.window = buffer[:n+m]
	if m == 0 && in.err == nil {
		in.err = io.ErrNoProgress
	}
	if m > 0 {
		return nil
	}
	return in.err
}

// giveBack gives the block back, if it is lent. The window stays as it is.
func (in *formInput) giveBack() {
	if in.polls && in.block != nil {
		in.window = in.wait[:copy(in.wait[:], in.window)]
		in.blocks.TakeBack(in.block)
		in.block = nil
	}
}
