//go:build !linux

package s3test

import "syscall"

// diesWithUs would tie the gateway to the test's process; only Linux can. Elsewhere a test that is killed leaves it behind.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
