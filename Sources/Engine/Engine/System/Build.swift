// SPDX-License-Identifier: Apache-2.0
// Which apus this is.
import CBuild

/// Facts of this build.
package enum Build {
    package static let version = "0.1.0"
    package static let apiVersion = "1.51"
    package static let minimumAPIVersion = "1.24"
    package static let commit = String(cString: apus_build_commit())
    package static let time = String(cString: apus_build_time())

    package static var compiler: String {
        #if compiler(>=6.3)
            "6.3"
        #else
            "6"
        #endif
    }
}
