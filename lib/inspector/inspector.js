<!-- inspector.js -->
