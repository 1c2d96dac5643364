// SPDX-License-Identifier: Apache-2.0
// apus-runtime: the shim beside each container, and an OCI command line.
import ContainerRuntime
import Glibc

exit(RuntimeProgram.main(CommandLine.arguments))
