// SPDX-License-Identifier: Apache-2.0
// The program of the hello-world image: says that everything on the way to it works.
import Glibc

let text: StaticString = """

    Hello from apus!
    If you can read this, your installation works from end to end.

    What happened on the way here:
     1. The client asked the apus daemon to run the "hello-world" image.
     2. The daemon found the image, or fetched it from a registry.
     3. It made a container from that image, and a small program inside it wrote this text.
     4. The daemon passed the text on to the client, which put it on your terminal.

    Something more ambitious:
     $ apus run -it --rm debian bash

    Every docker command you know works here, too: apus --help lists them.


    """

var offset = 0
while offset < text.utf8CodeUnitCount {
    let count = write(1, text.utf8Start + offset, text.utf8CodeUnitCount - offset)
    if count < 0 {
        if errno == EINTR { continue }
        exit(1)
    }
    offset += count
}
