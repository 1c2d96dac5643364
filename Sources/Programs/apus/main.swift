// SPDX-License-Identifier: Apache-2.0
// The client program: argv and environment in, exit code out. Synchronous, so that a command starts within a millisecond or two.
import CLI
import Glibc

exit(CommandLineEntry.run())
