package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"plateau/config"
)

// healthTimeout bounds the whole check, so that whoever asks (a container runtime, say) gets an answer.
const healthTimeout = 3 * time.Second

// healthcheck asks the server that has this same configuration for /healthz. Mistakes in the configuration exit with 1 too:
// Docker keeps 2 for itself.
func healthcheck(ctx context.Context, p process) int {
	l, code, done := load(p, "healthcheck")
	if done {
		return min(code, exitFailure)
	}
	url, err := healthURL(l.Config)
	if err == nil {
		err = askHealth(ctx, url)
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "plateau: unhealthy: %v\n", err)
		return exitFailure
	}
	fmt.Fprintf(p.stdout, "healthy: %s\n", url)
	return exitOK
}

// healthURL names the public listener as this machine reaches it: one that listens on every interface answers on loopback.
func healthURL(cfg config.Config) (string, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("read --listen: %w", err)
	}
	if port == "0" {
		return "", fmt.Errorf("--listen %s lets the kernel choose the port, so it is not known here", cfg.Listen)
	}
	if host == "" {
		host = "127.0.0.1"
	} else if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
		if addr.Is6() {
			host = "::1"
		}
	}
	scheme := "http"
	if cfg.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/healthz", nil
}

func askHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	transport := &http.Transport{ // no proxy: it is our own machine
		DisableKeepAlives: true,
		// The certificate is made out to the public name, and the address is our own.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	resp, err := transport.RoundTrip(req) // follows no redirect
	if err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: answered %s", url, resp.Status)
	}
	return nil
}
