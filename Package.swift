// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library of this package; the arrows only point down, as they are listed.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ subject: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(subject)Tests",
    dependencies: [.byName(name: subject), "TestSupport"] + dependencies,
    swiftSettings: settings)
}

// On Linux it is opened when it is first called; no pkg-config, which would link it.
#if os(Linux)
  let zip = Target.target(name: "CZip", dependencies: ["CLoader"], publicHeadersPath: ".")
#else
  let zip = Target.systemLibrary(
    name: "CZip", pkgConfig: "libzip", providers: [.brew(["libzip", "pkgconf"])])
#endif

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

let package = Package(
  name: "modelctl",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "modelctl", targets: ["modelctl"]),
    .library(
      name: "ModelctlKit",
      targets: [
        "ModelCore", "HDF5", "Zip", "Checkpoints", "Conversion", "OneDNN", "Engine", "Unlearning",
        "Evidence", "Auditing", "Tuning", "Comparison", "Validation",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    .executableTarget(
      name: "modelctl", dependencies: ["ModelctlCommands", argumentParser],
      swiftSettings: settings),

    library(
      "ModelctlCommands",
      [
        "Checkpoints", "Conversion", "Zip", "Tuning", "Auditing", "Unlearning", "Evidence",
        "Comparison", "Validation", "HDF5", "Engine", "ModelCore", argumentParser, crypto,
      ]),

    // Input and output, no arithmetic.
    library("Conversion", ["Zip", "ModelCore"]),
    .target(
      name: "Validation", dependencies: ["Checkpoints", "HDF5", "ModelCore", crypto],
      // Links to the files in Schemas/, so that what is executed is what is published.
      resources: [.embedInCode("Resources")], swiftSettings: settings),
    library("Checkpoints", ["HDF5", "Zip", "ModelCore", crypto]),

    // Arithmetic, no input or output.
    library("Tuning", ["Auditing", "Unlearning", "Engine", "Evidence", "ModelCore"]),
    library("Auditing", ["Engine", "Evidence", "ModelCore"]),
    library("Unlearning", ["Engine", "Evidence", "ModelCore"]),
    library("Evidence", ["ModelCore"]),
    library("Comparison", ["ModelCore"]),
    library("Engine", ["OneDNN", "CKernels", "ModelCore"]),

    // The words that both halves speak.
    library("ModelCore", []),

    // Wrappers: the only Swift that knows the C library below.
    library("HDF5", ["CHDF5"]),
    library("Zip", ["CZip", "CZlib", "CDeflate"]),
    library("OneDNN", ["COneDNN", "CKernels"]),

    // C libraries of the system, and the loops that oneDNN lacks.
    .systemLibrary(
      name: "CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev", "pkg-config"]), .brew(["hdf5", "pkgconf"])]),
    zip,
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev", "pkg-config"]), .brew(["zlib", "pkgconf"])]),
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev", "pkg-config"]), .brew(["libdeflate", "pkgconf"])]),
    // Debian's oneDNN has no pkg-config file; its header is on the default path. On Linux it is
    // opened when it is first called.
    .target(
      name: "COneDNN", dependencies: ["CLoader"], publicHeadersPath: ".",
      linkerSettings: [.linkedLibrary("dnnl", .when(platforms: [.macOS]))]),
    .target(name: "CLoader"),
    .target(
      name: "CKernels",
      linkerSettings: [.linkedLibrary(":libgomp.so.1", .when(platforms: [.linux]))]),

    .target(
      name: "TestSupport", dependencies: ["ModelCore"], path: "Tests/TestSupport",
      swiftSettings: settings),
    tests("ModelCore", []),
    tests("HDF5", []),
    tests("Checkpoints", ["HDF5", "Zip", "ModelCore"]),
    tests("Zip", []),
    tests("Conversion", ["ModelCore", "Zip"]),
    tests("Validation", ["Checkpoints", "HDF5", "ModelCore"]),
    tests("OneDNN", []),
    // Counts calls of malloc, for tests that a step allocates nothing.
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    tests("Engine", ["ModelCore", "Checkpoints", "OneDNN", "AllocationCounter"]),
    tests("Evidence", ["ModelCore"]),
    tests("Auditing", ["Engine", "Evidence", "ModelCore"]),
    tests("Tuning", ["Auditing", "Unlearning", "Engine", "Evidence", "ModelCore"]),
    tests("Comparison", ["ModelCore"]),
    tests("Unlearning", ["Engine", "Evidence", "ModelCore"]),
    tests(
      "ModelctlCommands",
      [
        "modelctl", "Checkpoints", "Comparison", "Conversion", "Engine", "ModelCore", "OneDNN",
        "Zip",
        argumentParser,
      ]),
  ]
)
