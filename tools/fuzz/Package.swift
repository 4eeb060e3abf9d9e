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

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

// The readers are the product's own sources, through links: built here for themselves, they carry
// the fuzzer's coverage, and their internals can be called.
let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(url: "https://github.com/apple/swift-crypto", from: "4.5.2")],
  targets: [
    .systemLibrary(name: "CZip", pkgConfig: "libzip"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate"),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5"),
    library("ModelCore", []),
    library("Zip", ["CZip", "CZlib", "CDeflate"]),
    library("HDF5", ["CHDF5"]),
    library("Conversion", ["Zip", "ModelCore"]),
    library(
      "Checkpoints",
      ["HDF5", "Zip", "ModelCore", .product(name: "Crypto", package: "swift-crypto")]),
    // What the commands read themselves.
    library("Lists", ["ModelCore"]),
    .executableTarget(
      name: "Fuzz",
      dependencies: ["ModelCore", "Zip", "HDF5", "Conversion", "Checkpoints", "Lists"],
      swiftSettings: settings, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
  ]
)
