package blocks

import (
	"errors"
	"io"

	"plateau/store"
)

const (
	// waitSize is what an upload holds while it waits for its client.
	waitSize = 512
	// tlsSize is the same where each read may wait (TLS, HTTP/2, bodies of unknown
	// length): the bytes of a TLS record.
	tlsSize = 16 << 10
)

// Copy gives write what src brings, until it ends or write fails. body is what
// src reads from; without one that can poll, every read may wait, and what it
// brings is written before the next. Bytes wait in memory only while more can be
// read at once: what was collected is written before any read that may wait for
// the client. write must not keep its argument, nor wait for a client; it may be
// called with no bytes.
//
// An upload waits for its client in here: the frames must be small.
func (p *Pool) Copy(write func([]byte) error, body store.Body, src io.Reader) error {
	if body == nil || !body.Poll(false) {
		return copyWaiting(write, src, make([]byte, tlsSize))
	}
	wait := make([]byte, waitSize)
	n := 0 // bytes in wait
	for {
		ended, err := p.copyArrived(write, body, src, wait[:n])
		if ended || err != nil {
			return err
		}
		if n, err = src.Read(wait); err == io.EOF {
			return write(wait[:n])
		} else if err != nil {
			return errors.Join(err, write(wait[:n]))
		}
	}
}

// copyArrived writes first and all that can be read without waiting, in blocks.
// It reports whether src ended.
func (p *Pool) copyArrived(write func([]byte) error, body store.Body, src io.Reader, first []byte) (ended bool, err error) {
	block := p.Get()
	defer p.Put(block)
	body.Poll(true)
	defer body.Poll(false)
	n := copy(block, first)
	for {
		m, err := src.Read(block[n:])
		n += m
		switch {
		case err == io.EOF:
			return true, write(block[:n])
		case err != nil:
			return true, errors.Join(err, write(block[:n]))
		case m == 0:
			return false, write(block[:n])
		case n == len(block):
			if err := write(block); err != nil {
				return false, err
			}
			n = 0
		}
	}
}

func copyWaiting(write func([]byte) error, src io.Reader, wait []byte) error {
	for {
		n, err := src.Read(wait)
		if werr := write(wait[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
