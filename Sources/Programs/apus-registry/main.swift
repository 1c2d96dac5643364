// SPDX-License-Identifier: Apache-2.0
// The registry: argv in, exit code out.
import Glibc
import RegistryServer

exit(await RegistryProgram.run(Array(CommandLine.arguments.dropFirst())))
