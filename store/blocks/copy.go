package blocks

import (
	"errors"
	"io"
	"math"

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
// ready, if it isn't nil, is called with no block held before bytes are read, and
// returns how many of them, at least one, write will take: it is where a slow storage
// is waited for.
//
// An upload waits for its client in here: the frames must be small.
func (p *Pool) Copy(write func([]byte) error, ready func() (int, error), body store.Body, src io.Reader) error {
	if ready == nil {
		ready = always
	}
	if body == nil || !body.Poll(false) {
		return copyWaiting(write, ready, src, make([]byte, tlsSize))
	}
	wait := make([]byte, waitSize)
	n := 0 // bytes in wait
	for {
		room, err := ready()
		if err != nil {
			return err
		}
		left, ended, err := p.copyArrived(write, body, src, wait[:n], room)
		if ended || err != nil {
			return err
		}
		if n = 0; left == 0 {
			continue
		}
		if n, err = src.Read(wait[:min(len(wait), left)]); err == io.EOF {
			return write(wait[:n])
		} else if err != nil {
			return errors.Join(err, write(wait[:n]))
		}
	}
}

func always() (int, error) { return math.MaxInt, nil }

// copyArrived writes first and all that can be read without waiting, in blocks, at
// most room bytes. It returns how much of that is left, and whether src ended.
func (p *Pool) copyArrived(write func([]byte) error, body store.Body, src io.Reader, first []byte, room int) (left int, ended bool, err error) {
	block := p.Get()
	defer p.Put(block)
	body.Poll(true)
	defer body.Poll(false)
	n := copy(block, first)
	for {
		fill := block[:min(len(block), room)]
		m, err := src.Read(fill[n:])
		n += m
		switch {
		case err == io.EOF:
			return room - n, true, write(fill[:n])
		case err != nil:
			return room - n, true, errors.Join(err, write(fill[:n]))
		case m == 0:
			return room - n, false, write(fill[:n])
		case n == len(fill):
			if err := write(fill); err != nil || n == room {
				return room - n, false, err
			}
			room -= n
			n = 0
		}
	}
}

func copyWaiting(write func([]byte) error, ready func() (int, error), src io.Reader, wait []byte) error {
	for {
		room, err := ready()
		if err != nil {
			return err
		}
		n, err := src.Read(wait[:min(len(wait), room)])
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
