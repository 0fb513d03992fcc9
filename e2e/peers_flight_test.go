package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"
)

const (
	flightSize = 8 << 20
	// prompt parts an answer at once from one that waits for somebody's poll or timer, of which the shortest takes 2 s.
	prompt = 1900 * time.Millisecond
	// patience is how long a scenario waits for a server that lets it wait.
	patience = 12 * time.Second
)

// flight is a PATCH of a whole file that stands still in the middle of its body.
type flight struct {
	to      *peer
	address string
	content []byte
	sent    int64 // bytes of it that the server has been sent, and no more
	proxy   *proxy
	answer  chan answer
	cut     context.CancelFunc // ends the client's connection
}

// fly creates an upload and sends half of it. It returns when the server has stored what it was sent, or doesn't while the
// request lasts.
func (p *peer) fly(ctx context.Context, t *testing.T, random *rand.Rand) *flight {
	t.Helper()
	f := &flight{
		to: p, content: randomBytes(random, flightSize), sent: flightSize/4 + random.Int64N(flightSize/2),
		proxy: startProxy(t, p.addr, nil), answer: make(chan answer, 1),
	}
	f.address = newTus(ctx, p.files).mustCreate(t, flightSize, nil)
	f.proxy.hold(f.sent)
	ctx, f.cut = context.WithCancel(ctx)
	t.Cleanup(f.cut)
	go func() { f.answer <- newTus(ctx, f.proxy.files()).patch(f.address, 0, f.content, nil) }()
	await(ctx, t, "the server has been sent its half", func() bool { return f.proxy.last("PATCH").sent == f.sent })
	within(ctx, 2*time.Second, func() bool { return dataSize(p.folder, idOf(f.address)) == f.sent })
	return f
}

// goOn resumes the upload as a client does, looks at the result and says how much the server had kept.
func (f *flight) goOn(t *testing.T, c *tus) string {
	t.Helper()
	head := c.head(f.address)
	offset := head.offset()
	if head.status != http.StatusOK || offset < 0 || offset > f.sent {
		return fmt.Sprintf("lost (HEAD says %d, offset %d)", head.status, offset)
	}
	if a := c.patch(f.address, offset, f.content[offset:], nil); a.status != http.StatusNoContent {
		return fmt.Sprintf("stuck (PATCH says %d)", a.status)
	}
	if !f.to.has(t, f.address, f.content) {
		return "a wrong file"
	}
	switch offset {
	case f.sent:
		return "all kept"
	case 0:
		return "nothing kept"
	}
	return "a part kept"
}

// cutOrKilled breaks the connection of one upload in the middle of a request, and the server of another.
func cutOrKilled(ctx context.Context, t *testing.T, kind peerKind) string {
	server, random := kind.start(ctx, t, t.TempDir()), seeded(t)
	client := newTus(ctx, server.files)

	f := server.fly(ctx, t, random)
	f.cut()
	<-f.answer
	// What was on its way arrives after the client has gone. Servers that haven't noticed its end let HEAD wait for it.
	within(ctx, 3*time.Second, func() bool { return client.head(f.address).offset() == f.sent })
	cut := f.goOn(t, client)

	f = server.fly(ctx, t, random)
	server.kill()
	<-f.answer
	server.again()
	if killed := f.goOn(t, client); killed != cut {
		return fmt.Sprintf("cut: %s; killed: %s", cut, killed)
	}
	return cut
}

// terminated stops the server in the middle of a request as a deploy does: with -9 if it is still there after 5 s, as some
// runs of rustus are; Docker would wait 10 s, and a large upload takes longer than either.
func terminated(ctx context.Context, t *testing.T, kind peerKind) string {
	server, random := kind.start(ctx, t, t.TempDir()), seeded(t)
	f := server.fly(ctx, t, random)
	begin := time.Now()
	server.signal(syscall.SIGTERM)
	within(ctx, 5*time.Second, func() bool { return !server.alive() })
	took := time.Since(begin)
	t.Logf("it was there for %v", took)
	server.kill()
	heard := "no answer"
	if a := <-f.answer; a.err == nil {
		heard = fmt.Sprint(a.status)
		if took > prompt {
			heard += " after seconds"
		}
	}
	server.again()
	return heard + ", " + f.goOn(t, newTus(ctx, server.files))
}

// secondRequest asks for an upload's offset, and goes on with it, while a request stands still that the server takes for
// alive: the client has changed networks, or a second tab looks.
func secondRequest(ctx context.Context, t *testing.T, kind peerKind) string {
	server, random := kind.start(ctx, t, t.TempDir()), seeded(t)
	client := newTus(ctx, server.files)
	how := func(begin time.Time) string {
		took := time.Since(begin)
		t.Logf("it took %v", took)
		switch {
		case took < prompt:
			return "at once"
		case took < patience:
			return "after seconds"
		}
		return "after more than 12 s"
	}

	f := server.fly(ctx, t, random)
	begin := time.Now()
	if head := client.head(f.address); head.status != http.StatusOK {
		return fmt.Sprintf("HEAD says %v", head)
	}
	looked, effect := how(begin), "HEAD cuts nothing"
	f.proxy.release()
	switch a := <-f.answer; {
	case a.status != http.StatusNoContent:
		effect = fmt.Sprintf("HEAD ends the older one (%d)", a.status)
	case a.offset() != flightSize:
		effect = "HEAD ends the older one (204, short)"
	}

	f = server.fly(ctx, t, random)
	begin = time.Now()
	from := client.head(f.address).offset()
	a := client.patch(f.address, from, f.content[from:], nil)
	wentOn := how(begin)
	if a.status != http.StatusNoContent || !server.has(t, f.address, f.content) {
		return fmt.Sprintf("PATCH says %v", a)
	}
	if wentOn != looked {
		wentOn = fmt.Sprintf("HEAD %s, PATCH %s", looked, wentOn)
	}
	if from == 0 {
		wentOn += ", from zero"
	}
	return wentOn + "; " + effect
}
