package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// spoolBudget is what Plateau may keep in temporary files, less than all slow uploads have sent at the end.
	spoolBudget = 128 << 20
	// trickle is what a slow client sends each time.
	trickle      = 10_000
	trickleEvery = 500 * time.Millisecond
	slowDeclared = 64 << 20
)

// slow runs scenario m: many uploads that trickle. Memory is the most that was seen in the second half of the time, less that of the
// fresh server; temporary bytes are what its files in its own folder take on the disk, those without a name too, at most.
func (b *bench) slow(ctx context.Context, s server) (figures, error) {
	count := b.scale(500, 50)
	lasting := time.Duration(b.scale(40_000, 2_000)) * time.Millisecond
	if s.name == plateauS3 {
		s = s.with("--spool-size", fmt.Sprint(spoolBudget))
	}
	all := figures{}
	err := b.with(ctx, s, func(ctx context.Context, p *process, bucket string) error {
		before, err := p.resident()
		if err != nil {
			return err
		}
		slows, err := b.trickling(ctx, p.addr, count)
		if err != nil {
			return err
		}
		defer slows.stop()
		var memory, temporary []float64
		begin := time.Now()
		err = poll(ctx, lasting/20, func() (bool, error) {
			resident, err1 := p.resident()
			bytes, err2 := p.temporary()
			memory, temporary = append(memory, resident-before), append(temporary, bytes)
			return time.Since(begin) >= lasting, errors.Join(err1, err2, p.check(), slows.failed())
		})
		if err != nil {
			return err
		}
		all["m.each"] = slices.Max(memory[len(memory)/2:]) / float64(count) / kilobyte
		all["m.temporary"] = slices.Max(temporary) / megabyte
		if p.name == plateauS3 {
			said, err := p.metric(ctx, "plateau_spool_bytes")
			if err != nil {
				return err
			}
			if said > spoolBudget {
				return fmt.Errorf("the spool has %.0f bytes, says the server: more than %d", said, spoolBudget)
			}
		}
		if err := slows.kept(ctx, p.addr); err != nil {
			return err
		}
		p.kill() // before its bucket changes under it
		return emptyAll(bucket)
	})
	return all, err
}

// slows are uploads under way.
type slows struct {
	clients []*slowUpload
	stop    func() // ends them, and waits for that

	mu  sync.Mutex // guards err
	err error
}

// slowUpload is one of them.
type slowUpload struct {
	*client
	location string
	sent     int64
}

func (s *slows) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

func (s *slows) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// trickling begins so many, and lets each send a little now and then until stop.
func (b *bench) trickling(ctx context.Context, addr string, count int) (*slows, error) {
	all := &slows{}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	all.stop = func() { cancel(); running.Wait() }
	create := createOnly(addr, slowDeclared, tusHeaders)
	patch := patchRequest{addr: addr, headers: tusHeaders}
	for i := range count {
		c, err := dial(ctx, addr)
		if err == nil {
			var a answer
			a, err = c.do(create)
			err = expect(a, err, 201, -1)
			if err == nil {
				_, err = c.conn.Write(patch.head(a.location, 0, slowDeclared))
			}
			all.clients = append(all.clients, &slowUpload{client: c, location: a.location})
		}
		if err != nil {
			all.stop()
			return nil, fmt.Errorf("begin a slow upload: %w", err)
		}
		u := all.clients[i]
		running.Go(func() {
			defer u.close()
			if err := u.send(ctx, b.content); err != nil && ctx.Err() == nil {
				all.fail(fmt.Errorf("a slow upload, after %d bytes: %w", u.sent, err))
			}
		})
	}
	return all, nil
}

// send sends the content over and over, a little each time.
func (u *slowUpload) send(ctx context.Context, content []byte) error {
	ticker := time.NewTicker(trickleEvery)
	defer ticker.Stop()
	for {
		if err := wait(ctx, ticker.C); err != nil {
			return err
		}
		from := u.sent % int64(len(content))
		n, err := u.conn.Write(content[from:min(from+trickle, int64(len(content)))])
		u.sent += int64(n)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

// kept cuts the connections, and waits until the server says of each upload that it has all that was sent.
func (s *slows) kept(ctx context.Context, addr string) error {
	s.stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, u := range s.clients {
		last := ""
		err := poll(ctx, 100*time.Millisecond, func() (bool, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+addr+u.location, nil)
			if err != nil {
				return false, err
			}
			r.Header.Set("Tus-Resumable", "1.0.0")
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				return false, err
			}
			a.Body.Close()
			last = fmt.Sprintf("%s, Upload-Offset %s", a.Status, a.Header.Get("Upload-Offset"))
			return a.Header.Get("Upload-Offset") == fmt.Sprint(u.sent), nil
		})
		if err != nil {
			return fmt.Errorf("%d bytes were sent, the server says %s: %w", u.sent, last, err)
		}
	}
	return nil
}
