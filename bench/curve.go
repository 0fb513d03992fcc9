package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	curveSize   = 1_400_000 // bytes of an upload
	curvePoints = 200       // samples of memory, at equal numbers of uploads
	curveFast   = 8
	curveSlow   = 8
	curveRate   = 100 // uploads a second by all fast clients, as long as the server keeps up
	// spareFiles is how many a server may have open beside those that its uploads leave.
	spareFiles = 500
	// comparedEvery is how many uploads lie between two whose contents are compared.
	comparedEvery = 50
)

// comparison draws the memory of several servers under the same load.
type comparison struct {
	bench
	subjects []subject
	uploads  int
	fake     string // binary of the broker
}

// curve is what one server made of the load.
type curve struct {
	subject
	uploads        int       // finished
	limit          uint64    // of open files, if it is why they are fewer than asked for
	done, resident []float64 // a point for each sample: uploads finished by then, bytes in RAM
	peak, end      float64   // bytes: the most, and when the last upload asked for was answered
	left           float64   // bytes, when the clients have gone and nothing moves
	goroutines     float64   // then
	files          float64   // then
	delays         []float64 // seconds
	cpu            float64   // seconds a GB
}

// slope is how many bytes an upload adds, once the first third of them has warmed the server up.
func (c curve) slope() float64 {
	warm := slices.IndexFunc(c.done, func(n float64) bool { return n >= float64(c.uploads)/3 })
	return slope(c.done[max(warm, 0):], c.resident[max(warm, 0):])
}

// run draws the curves of the subjects named by their keys, one after the other.
func (c *comparison) run(ctx context.Context, keys []string) ([]curve, error) {
	var curves []curve
	for _, s := range c.subjects {
		if !slices.Contains(keys, s.key) {
			continue
		}
		begin := time.Now()
		drawn, err := c.curve(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		curves = append(curves, drawn)
		fmt.Fprintf(c.progress, "%s %-23s %d uploads, %.0f MB at most, %.1f MB for 1,000 uploads (%.1f s)\n",
			s.key, s.name, drawn.uploads, drawn.peak/megabyte, drawn.slope()/kilobyte, time.Since(begin).Seconds())
	}
	return curves, nil
}

// curve runs one server, with a broker of its own: connections that the server before left behind went with it.
func (c *comparison) curve(ctx context.Context, s subject) (curve, error) {
	drawn := curve{subject: s, uploads: c.uploads}
	if most, limit := mostUploads(s.leaves); most < c.uploads {
		drawn.uploads, drawn.limit = most, limit
	}
	k, err := startFake(ctx, c.fake)
	if err != nil {
		return curve{}, err
	}
	defer k.kill()
	if s.events {
		s.server = s.server.sending(k.addr, eventsTopic)
	}
	err = c.with(ctx, s.server, func(ctx context.Context, p *process, uploads string) error {
		return drawn.draw(ctx, c.content, p, uploads, k)
	})
	return drawn, err
}

// mostUploads is how many uploads a server can take that leave so many files open each, and the limit that says so.
func mostUploads(leaves int) (int, uint64) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || leaves == 0 {
		return int(^uint(0) >> 1), 0
	}
	return max(0, int(limit.Cur)-spareFiles) / leaves, limit.Cur
}

// draw loads the server, and fills in what it shows.
func (c *curve) draw(ctx context.Context, content []byte, p *process, uploads string, k *broker) error {
	var mu sync.Mutex // guards done and resident
	sample := func(n int) error {
		resident, err := p.resident()
		mu.Lock()
		defer mu.Unlock()
		c.done, c.resident = append(c.done, float64(n)), append(c.resident, resident)
		return errors.Join(err, p.check())
	}
	before, err := p.cpu()
	if err := errors.Join(err, sample(0)); err != nil {
		return err
	}
	load := crowd{
		addr: p.addr, method: c.method(p.addr, content), uploads: c.uploads,
		fast: curveFast, slow: curveSlow, every: time.Second * curveFast / curveRate,
		kept:   keeper(uploads, content),
		sample: sample, sampleEvery: max(1, c.uploads/curvePoints),
	}
	seen, err := load.run(ctx)
	if err != nil {
		return err
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	inOrder(c.done, c.resident)
	c.uploads, c.delays = seen.done, seen.delays
	c.cpu = (after - before) / (float64(seen.done) * float64(len(content)) / gigabyte)
	c.end = c.resident[len(c.resident)-1]
	if c.events {
		if err := delivered(ctx, k, seen.done); err != nil {
			return err
		}
	}
	return c.leftBehind(ctx, p)
}

// leftBehind looks at the server once its clients have gone.
func (c *curve) leftBehind(ctx context.Context, p *process) (err error) {
	if c.left, err = settled(ctx, p); err != nil {
		return err
	}
	files, err1 := p.openFiles()
	var err2, err3 error
	c.files = float64(files)
	c.goroutines, err2 = p.metric(ctx, "go_goroutines")
	c.peak, err3 = p.peak()
	return errors.Join(err1, err2, err3)
}

// inOrder sorts points by x: samples come from several goroutines, and so in any order.
func inOrder(x, y []float64) {
	type point struct{ x, y float64 }
	points := make([]point, len(x))
	for i := range x {
		points[i] = point{x[i], y[i]}
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	for i, p := range points {
		x[i], y[i] = p.x, p.y
	}
}

// delivered waits until the topic has an event for each of the uploads.
func delivered(ctx context.Context, k *broker, uploads int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	have := 0
	err := poll(ctx, 50*time.Millisecond, func() (_ bool, err error) {
		have, err = k.records(ctx, eventsTopic)
		return have >= uploads, err
	})
	if err != nil {
		return fmt.Errorf("%d events of %d uploads arrived: %w", have, uploads, err)
	}
	return nil
}

// keeper returns what is done with each finished upload, whatever the server: its file must have all its bytes, some of the files are
// compared, and then it is emptied, so that neither the disk nor the kernel's cache fills. It stays, for ext4's sake (place.go).
func keeper(folder string, content []byte) func(id string) error {
	var mu sync.Mutex // guards count
	count := 0
	return func(id string) error {
		path := filepath.Join(folder, id)
		stat, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("an upload that was answered has no file: %w", err)
		}
		if stat.Size() != int64(len(content)) {
			return fmt.Errorf("upload %s has %d bytes, not %d", id, stat.Size(), len(content))
		}
		mu.Lock()
		count++
		compared := count%comparedEvery == 1
		mu.Unlock()
		if compared {
			if err := compare(path, stat.Size(), content); err != nil {
				return fmt.Errorf("upload %s: %w", id, err)
			}
		}
		// A finished upload of Plateau has no write bits, which says that it is finished.
		err = errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 0), os.Chmod(path, stat.Mode()))
		if err != nil {
			return fmt.Errorf("give space back: %w", err)
		}
		return nil
	}
}
