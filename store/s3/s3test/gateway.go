package s3test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for the gateway; a busy machine needs seconds.
const patience = time.Minute

// Gateway is a running versitygw. Its fields don't change. Its methods may be called by several goroutines, those that take a
// testing.TB by the test's own.
type Gateway struct {
	// Endpoint is its address: http://127.0.0.1:port, or https://.
	Endpoint string
	// Bucket is there from the start; NewBucket makes others.
	Bucket string
	// AccessKey and SecretKey are its only account's, and its owner's.
	AccessKey, SecretKey string
	Region               string
	// Folder holds a folder for each bucket, with a file for each object (and .sgwtmp for unfinished ones).
	Folder string
	// CA is the certificate to trust, as PEM; nil without TLS.
	CA []byte

	program     string
	addr        string
	said        tail
	certificate *certificate
	sidecar     string // where metadata lies, if the file system has no attributes; else empty
	client      *http.Client

	mu      sync.Mutex // guards running
	running *process   // the latest
}

// Start starts a gateway that ends with the test. That takes 30 ms on a machine at rest: who has hundreds of
// tests shares one (see Shared), with a bucket for each.
func Start(t testing.TB) *Gateway {
	t.Helper()
	return startFor(t, false)
}

// StartTLS starts a gateway that speaks TLS only, by a certificate that Gateway.CA vouches for.
func StartTLS(t testing.TB) *Gateway {
	t.Helper()
	return startFor(t, true)
}

func startFor(t testing.TB, withTLS bool) *Gateway {
	t.Helper()
	g, err := start(needProgram(t), t.TempDir(), withTLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Stop()
		if t.Failed() {
			t.Logf("the end of what versitygw said:\n%s", &g.said)
		}
	})
	return g
}

// start starts a gateway over an empty folder.
func start(program, folder string, withTLS bool) (*Gateway, error) {
	g := &Gateway{
		Bucket: "plateau", AccessKey: "plateau", SecretKey: "not-a-secret", Region: "eu-central-1",
		Folder: filepath.Join(folder, "buckets"), program: program,
	}
	if err := os.Mkdir(g.Folder, 0o755); err != nil {
		return nil, err
	}
	if withTLS {
		var err error
		if g.certificate, err = makeCertificate(folder); err != nil {
			return nil, err
		}
		g.CA = g.certificate.ca
	}
	g.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting(g.CA)}}
	for {
		err := g.startSomewhere()
		switch {
		case err == nil:
			if err := g.createBucket(g.Bucket); err != nil {
				g.Stop()
				return nil, err
			}
			return g, nil
		case strings.Contains(g.said.String(), "xattr check failed") && g.sidecar == "":
			g.sidecar = filepath.Join(folder, "metadata")
			if err := os.Mkdir(g.sidecar, 0o755); err != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}

// startSomewhere tries other ports when the one that was free is taken meanwhile.
func (g *Gateway) startSomewhere() error {
	for tries := 1; ; tries++ {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		g.addr, g.Endpoint = addr, "http://"+addr
		if g.certificate != nil {
			g.Endpoint = "https://" + addr
		}
		err = g.run()
		if err == nil || tries == 20 || !strings.Contains(g.said.String(), "address already in use") {
			return err
		}
	}
}

// run starts the program and waits until it answers.
func (g *Gateway) run() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	flags := []string{"--port", g.addr, "--region", g.Region, "--keep-alive", "--quiet"}
	if g.certificate != nil {
		flags = append(flags, "--cert", g.certificate.cert, "--key", g.certificate.key)
	}
	flags = append(flags, "posix")
	if g.sidecar != "" {
		flags = append(flags, "--sidecar", g.sidecar)
	}
	p, err := launch(g.program, &g.said, append(flags, g.Folder), []string{
		"ROOT_ACCESS_KEY=" + g.AccessKey, "ROOT_SECRET_KEY=" + g.SecretKey, "HOME=" + g.Folder,
	})
	if err != nil {
		return err
	}
	g.running = p
	if err := g.answers(p); err != nil {
		p.kill()
		return fmt.Errorf("start versitygw: %w\n%s", err, &g.said)
	}
	return nil
}

// answers waits until the program serves its own account: another program that took the port meanwhile doesn't.
func (g *Gateway) answers(p *process) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := g.call(http.MethodGet, "/")
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("it ended")
		case <-deadline.C:
			return fmt.Errorf("it does not answer: status %d, error %v", status, err)
		case <-tick.C:
		}
	}
}

// Stop ends the gateway as a crash does, by SIGKILL, and returns when it is gone. It may be stopped already.
func (g *Gateway) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running != nil {
		g.running.kill()
	}
}

// Restart stops the gateway if it runs, and starts it over the same folder, at the same address.
func (g *Gateway) Restart(t testing.TB) {
	t.Helper()
	g.Stop()
	if err := g.run(); err != nil {
		t.Fatal(err)
	}
}

// Pause stops the gateway in its tracks, by SIGSTOP, and returns when it stands: connections are taken by the kernel, and
// nobody answers. Resume lets it go on.
func (g *Gateway) Pause(t testing.TB) {
	t.Helper()
	g.signal(t, syscall.SIGSTOP)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.running.stands(); err != nil {
		t.Fatal(err)
	}
}

// Resume ends a Pause.
func (g *Gateway) Resume(t testing.TB) {
	t.Helper()
	g.signal(t, syscall.SIGCONT)
}

func (g *Gateway) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.running.alive() {
		t.Fatal("the gateway doesn't run")
	}
	if err := g.running.signal(sig); err != nil {
		t.Fatal(err)
	}
}
