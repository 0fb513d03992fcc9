// Package e2e drives the real plateau binary with real clients: tus-js-client in Node, tusgo, go-tus, plateau upload, curl,
// Uppy in Chromium, tusd in the other chair, Kafka and its readers at the other end, and plain HTTP requests, through kills,
// restarts, lost answers, bad networks, proxies and faults injected into system calls.
//
// It holds tests only. What they promise: whatever happens to a server or a connection, no client starts over, nothing
// acknowledged is missing, and every wait ends in bounded time.
//
// How the faults are made exact: a proxy in the test (proxy_test.go) lets the bytes of an upload through up to an offset
// that the test sets and holds them there, so a kill or a signal always meets a request in the middle of its body; and
// strace (strace_test.go) makes one chosen system call of the server fail, or kills the server there. Strace counts the calls of
// each thread by itself: what was hit is read from its trace, and what was missed is tried again. The power is cut by copying the
// image of a mounted file system as it is. Random choices come from a seed that each test prints; PLATEAU_E2E_SEED sets it.
//
// S3 is versitygw (store/s3/s3test; one for all tests, a bucket for each), looked at past the server by its files and by requests of
// the test's own. A proxy before it tells the server's calls apart and counts them, so that the server is killed, or a call
// fails, at exactly the nth call for an upload, before or after its work is done (s3_kill_test.go, s3_faults_test.go).
// Their client (journey_test.go) goes on as tus-js-client does, and fails the test on any answer after which that would begin
// anew.
//
// The page is tested in Chromium, which node/browser.mjs drives (browser_test.go). What a test asks of the page, it asks of what
// a person sees; what became of an upload, it asks the server's folder and the proxy, never the page.
//
// Kafka is Apache's own (kafka/kafka runs it, one for all tests) where what arrives is looked at, and one in the test's
// process, which can go away and come back (kafka_fake_test.go), where it is to fail.
//
// The soak (soak_test.go) keeps one server at full speed, and looks at it from outside: resident memory while it works, and
// goroutines, descriptors and connections whenever it rests. Its server is built with GOEXPERIMENT=goroutineleakprofile, so that
// it can be asked for goroutines that have leaked.
//
// Attacks (slowloris_test.go, flood_test.go) come from many addresses of this machine, or of a trusted proxy's telling. What they
// cost is read from the server's memory; an honest client beside them (honest_test.go) must not hear of them.
//
// What a machine needs: Node with the packages of e2e/node (npm ci --prefix e2e/node), Chromium and the built page for what a
// browser does (CHROMIUM names one that is not /usr/bin/chromium), and Debian's strace for the faults, e2fsprogs and mount, as
// root, for the power cuts, nginx, HAProxy and curl, and for Kafka kcat, Java 17 and the broker's jars in kafka/libs (make ci-
// deps), and for S3 versitygw (make e2e/s3/bin/versitygw). The bad network is toxiproxy, in the test's own process. A test whose
// part is missing skips and says which command installs it; with CI=true it fails. tusd is built from the module that bench/go.mod
// names; a build that fails is a failure.
//
// Environment: PLATEAU_E2E_RACE=1 builds the server with the race detector; PLATEAU_E2E_BINARY names a binary to test in place
// of one built here, a release for example; PLATEAU_E2E=full runs the whole matrices of kills and faults, 1,000 kills at random,
// 100 power cuts, ten minutes without Kafka, a minute without S3, half an hour of soak and the largest folder, of which CI takes a part (make crash
// runs these but the soak, which is make soak, and the folder); PLATEAU_E2E_AWAY=10m keeps the server away from the page for so
// long; PLATEAU_E2E_SCREENSHOTS names a folder for pictures of the page; PLATEAU_RUSTUS names a binary of rustus, and
// PLATEAU_E2E_PEERS a file for the table of peers_test.go as it was seen, to put into README; PLATEAU_E2E_README names a file to
// check in place of README; the file that PLATEAU_E2E_MISSING names is told which tests were left out for want of a part.
package e2e
