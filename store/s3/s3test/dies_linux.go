package s3test

import "syscall"

// diesWithUs makes the kernel kill the gateway when the thread that started it ends; see Gateway.launch, which keeps it.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
