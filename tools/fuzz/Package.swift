// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Coverage for the fuzzer; only a package that nobody depends on may ask for it.
  .unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"]),
]

// The readers are the product's own sources, through links: built here for themselves, they carry
// the fuzzer's coverage, and their internals can be called.
let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  targets: [
    .systemLibrary(name: "CZip", pkgConfig: "libzip"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .target(name: "ModelCore", swiftSettings: settings),
    .target(
      name: "Conversion", dependencies: ["ModelCore", "CZip", "CZlib"], swiftSettings: settings),
    .target(name: "KerasReaders", dependencies: ["ModelCore"], swiftSettings: settings),
    .executableTarget(
      name: "Fuzz", dependencies: ["ModelCore", "Conversion", "KerasReaders"],
      swiftSettings: settings, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
  ]
)
